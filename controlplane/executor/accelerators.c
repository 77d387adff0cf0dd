/* SPDX-License-Identifier: BSD-3-Clause */
/* See accelerators.h. */
#include "controlplane/executor/accelerators.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define PATH_SIZE 512
#define TEXT_SIZE 4096

struct device {
	char type[FOG_ACCELERATOR_TYPE_SIZE];
	u64 memory_bytes;
	char path[FOG_ACCELERATOR_DEVICE_SIZE];
};

struct list {
	u32 count;
	struct device device[FOG_ACCELERATORS_MAX];
};

/* The file's text without blanks at its end; false when it cannot be read. */
static bool file_read(const char *path, char out[TEXT_SIZE])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, out, TEXT_SIZE - 1) : -1;

	if (fd >= 0)
		close(fd);
	out[n > 0 ? n : 0] = '\0';
	for (size_t len = strlen(out); len > 0 && (u8)out[len - 1] <= ' '; len--)
		out[len - 1] = '\0';
	return n > 0;
}

static void type_clean(const char *text, char out[FOG_ACCELERATOR_TYPE_SIZE])
{
	size_t n = 0;

	for (; *text != '\0' && n + 1 < FOG_ACCELERATOR_TYPE_SIZE; text++) {
		char c = *text >= 'A' && *text <= 'Z' ? (char)(*text + 32) : *text;
		bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.';
		if (good || (n > 0 && out[n - 1] != '-'))
			out[n++] = good ? c : '-';
	}
	while (n > 0 && out[n - 1] == '-')
		n--;
	out[n] = '\0';
}

/* The value behind "key:" on a line of its own; false when there is none. */
static bool line_value(const char *text, const char *key, char *out, size_t size)
{
	size_t len = strlen(key);

	for (const char *at = text; at != NULL; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (strncmp(at, key, len) != 0 || at[len] != ':')
			continue;
		at += len + 1 + strspn(at + len + 1, " \t");
		snprintf(out, size, "%.*s", (int)strcspn(at, "\n"), at);
		return true;
	}
	return false;
}

/* True for each entry of the folder; at most as many as there are accelerators to look at. */
static bool entry_next(DIR *dir, const char *prefix, struct dirent **out)
{
	while ((*out = readdir(dir)) != NULL)
		if ((*out)->d_name[0] != '.' &&
		    strncmp((*out)->d_name, prefix, strlen(prefix)) == 0)
			return true;
	return false;
}

static void nvidia_read(const char *root, const char *address, struct list *out)
{
	char path[PATH_SIZE], text[TEXT_SIZE], model[64], number[16] = "0";
	struct device *d = &out->device[out->count];

	snprintf(path, sizeof(path), "%s/proc/driver/nvidia/gpus/%.64s/information", root, address);
	if (!file_read(path, text) || !line_value(text, "Model", model, sizeof(model)))
		return;
	(void)line_value(text, "Device Minor", number, sizeof(number));
	*d = (struct device){0};
	type_clean(model, d->type);
	snprintf(d->path, sizeof(d->path), "/dev/nvidia%lu", strtoul(number, NULL, 10));
	out->count += d->type[0] != '\0';
}

static const char *vendor_name(unsigned long id)
{
	return id == 0x1002 ? "amd" : id == 0x8086 ? "intel" : NULL; /* NVIDIA's come from /proc */
}

static void render_read(const char *root, const char *name, struct list *out)
{
	char path[PATH_SIZE], text[TEXT_SIZE];
	struct device *d = &out->device[out->count];

	snprintf(path, sizeof(path), "%s/sys/class/drm/%.32s/device/vendor", root, name);
	if (!file_read(path, text))
		return;
	const char *vendor = vendor_name(strtoul(text, NULL, 16));
	snprintf(path, sizeof(path), "%s/sys/class/drm/%.32s/device/device", root, name);
	if (vendor == NULL || !file_read(path, text))
		return;
	*d = (struct device){0};
	snprintf(d->type, sizeof(d->type), "%s-%04lx", vendor, strtoul(text, NULL, 16) & 0xffff);
	snprintf(d->path, sizeof(d->path), "/dev/dri/%.20s", name);
	snprintf(path, sizeof(path), "%s/sys/class/drm/%.32s/device/mem_info_vram_total", root,
		 name);
	if (file_read(path, text))
		d->memory_bytes = strtoull(text, NULL, 10);
	out->count++;
}

static void folder_read(const char *root, const char *folder, const char *prefix, struct list *out,
			void (*read_one)(const char *, const char *, struct list *))
{
	char path[PATH_SIZE];
	struct dirent *e;

	snprintf(path, sizeof(path), "%s%s", root, folder);
	DIR *dir = opendir(path);
	while (dir != NULL && out->count < FOG_ACCELERATORS_MAX && entry_next(dir, prefix, &e))
		read_one(root, e->d_name, out);
	if (dir != NULL)
		closedir(dir);
}

static int device_compare(const void *a, const void *b)
{
	const struct device *x = a, *y = b;
	int c = strcmp(x->type, y->type);

	return c != 0 ? c : strcmp(x->path, y->path);
}

void fog_accelerators_find(const char *root, struct fog_accelerators *out)
{
	struct list *l = calloc(1, sizeof(*l));

	*out = (struct fog_accelerators){0};
	if (l == NULL)
		return;
	folder_read(root, "/proc/driver/nvidia/gpus", "", l, nvidia_read);
	folder_read(root, "/sys/class/drm", "renderD", l, render_read);
	qsort(l->device, l->count, sizeof(l->device[0]), device_compare);
	for (u32 i = 0, end; i < l->count; i = end) {
		u64 least = l->device[i].memory_bytes;
		for (end = i; end < l->count && strcmp(l->device[i].type, l->device[end].type) == 0;
		     end++)
			least = FOG_MIN(least, l->device[end].memory_bytes);
		if (end - i < out->count || (end - i == out->count && least <= out->memory_bytes))
			continue;
		out->count = end - i;
		out->memory_bytes = least;
		memcpy(out->type, l->device[i].type, sizeof(out->type));
		for (u32 k = 0; k < out->count; k++)
			memcpy(out->device[k], l->device[i + k].path, sizeof(out->device[k]));
	}
	free(l);
}

int fog_accelerators_configure(const char *text, const struct fog_accelerators *found,
			       struct fog_accelerators *out)
{
	unsigned count, memory_mb = 0;
	char type[FOG_ACCELERATOR_TYPE_SIZE];
	int used = 0;

	*out = *found;
	if (text[0] == '\0' || strcmp(text, "auto") == 0)
		return 0;
	*out = (struct fog_accelerators){0};
	if (strcmp(text, "none") == 0)
		return 0;
	if (sscanf(text, "%31[a-z0-9._-]:%3u%n:%8u%n", type, &count, &used, &memory_mb, &used) <
		    2 ||
	    text[used] != '\0' || count < 1 || count > FOG_ACCELERATORS_MAX)
		return -EINVAL;
	out->count = count;
	out->memory_bytes = (u64)memory_mb << 20;
	memcpy(out->type, type, sizeof(type));
	if (strcmp(found->type, type) == 0)
		memcpy(out->device, found->device, sizeof(out->device));
	return 0;
}

u32 fog_accelerators_devices(const struct fog_accelerators *a, u64 mask,
			     const char *out[FOG_ACCELERATOR_DEVICES_MAX])
{
	static const struct {
		const char *prefix, *device;
	} shared[] = {{"/dev/nvidia", "/dev/nvidiactl"},
		      {"/dev/nvidia", "/dev/nvidia-uvm"},
		      {"/dev/dri/", "/dev/kfd"}};
	const char *one = "";
	u32 count = 0;

	for (u32 i = 0; i < a->count; i++)
		if ((mask >> i & 1) != 0 && a->device[i][0] != '\0' &&
		    access(a->device[i], F_OK) == 0)
			out[count++] = one = a->device[i];
	for (u32 i = 0; i < FOG_ARRAY_COUNT(shared); i++)
		if (strncmp(one, shared[i].prefix, strlen(shared[i].prefix)) == 0 &&
		    access(shared[i].device, F_OK) == 0)
			out[count++] = shared[i].device;
	return count;
}
