/* SPDX-License-Identifier: BSD-3-Clause */
/* fogctl top: looks at one host or at all of a lab, again and again. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "controlplane/cli/api.h"
#include "controlplane/cli/commands.h"
#include "controlplane/cli/lab.h"
#include "controlplane/cli/output.h"
#include "controlplane/cli/top.h"
#include "controlplane/cli/units.h"

#define INTERVAL_MIN_MS 200
#define INTERVAL_MAX_MS 60000
#define INTERVAL_MS     1000
#define WIDTH_PLAIN     120 /* of --once where there is no terminal */
#define HEIGHT_PLAIN    200

struct top {
	struct fog_client client[FOG_LAB_HOSTS_MAX];
	char name[FOG_LAB_HOSTS_MAX][64];
	const char *names[FOG_LAB_HOSTS_MAX];
	json_t *last[FOG_LAB_HOSTS_MAX]; /* answer, or NULL */
	u32 count;
	json_t *rates; /* array, one a host */
	struct fog_top_view view;
};

static struct termios terminal_before;
static volatile sig_atomic_t resized, asked_to_end;

static void on_signal(int number)
{
	if (number == SIGWINCH)
		resized = 1;
	else
		asked_to_end = 1;
}

static int add(const struct fog_cli *cli, struct top *t, const char *name, const char *socket)
{
	int rc = fog_client_open(&t->client[t->count], socket);

	if (rc != 0)
		return fog_cli_fail(cli, "socket %s: %s", socket, strerror(-rc));
	snprintf(t->name[t->count], sizeof(t->name[0]), "%s", name);
	t->names[t->count] = t->name[t->count];
	t->count++;
	return FOG_CLI_OK;
}

/* One host if the command line names one or no lab is up, else all of the lab. */
static int open_hosts(const struct fog_cli *cli, struct top *t)
{
	bool one = cli->option[FOG_OPTION_HOST] != NULL || cli->option[FOG_OPTION_SOCKET] != NULL;
	const char *env = getenv("FOG_SOCKET");
	char dir[FOG_LAB_DIR_MAX];
	json_t *lab = NULL;
	const json_t *host;
	int rc = FOG_CLI_OK;
	size_t i;

	one |= env != NULL && *env != '\0' && cli->option[FOG_OPTION_LAB] == NULL;
	if (!one && fog_lab_dir(cli, dir) == 0 && fog_lab_alive(dir))
		lab = fog_lab_load(dir, "lab.json");
	json_array_foreach(json_object_get(lab, "hosts"), i,
			   host) if (rc == FOG_CLI_OK && t->count < FOG_LAB_HOSTS_MAX) rc =
		add(cli, t, fog_pick_text(host, "name", "?"), fog_pick_text(host, "api", ""));
	json_decref(lab);
	if (t->count > 0 || rc != FOG_CLI_OK)
		return rc;
	rc = fog_api_open(cli, &t->client[0]);
	t->names[0] = "this host";
	t->count = rc == FOG_CLI_OK;
	return rc;
}

/* Ask everybody; rates are known from the second time on. Returns how many answered. */
static u32 look(struct top *t)
{
	json_t *rates = json_array();
	u32 answered = 0;

	for (u32 i = 0; i < t->count; i++) {
		json_t *now = NULL;
		if (fog_client_call(&t->client[i], "GET", "/v1/dataplane", NULL, &now) != 0) {
			json_decref(now);
			now = NULL;
		}
		json_t *one = now != NULL ? fog_top_rates(t->last[i], now) : NULL;
		json_array_append_new(rates, one != NULL ? one : json_null());
		json_decref(t->last[i]);
		t->last[i] = now;
		answered += now != NULL;
	}
	json_decref(t->rates);
	t->rates = rates;
	t->view.hosts = rates;
	return answered;
}

static void wait_ms(u64 ms)
{
	struct timespec pause = {.tv_sec = (time_t)(ms / 1000),
				 .tv_nsec = (long)(ms % 1000) * 1000000};

	while (nanosleep(&pause, &pause) != 0 && errno == EINTR && !asked_to_end)
		;
}

static int print_once(const struct fog_cli *cli, struct top *t)
{
	if (look(t) == 0)
		return fog_cli_fail(cli, "%s", t->client[0].error);
	wait_ms(t->view.interval_ms);
	look(t);
	if (cli->json) {
		fog_json_print(cli, t->count == 1 ? json_array_get(t->rates, 0) : t->rates);
		return FOG_CLI_OK;
	}
	t->view.width = WIDTH_PLAIN;
	t->view.height = HEIGHT_PLAIN;
	t->view.color = cli->color;
	fog_top_draw(cli->out, &t->view);
	return FOG_CLI_OK;
}

static void size_of_terminal(struct top *t)
{
	struct winsize size;

	resized = 0;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) {
		size.ws_col = 80;
		size.ws_row = 24;
	}
	t->view.width = size.ws_col;
	t->view.height = size.ws_row;
}

static void draw(struct top *t)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	if (f == NULL)
		return;
	fputs("\x1b[H", f);
	fog_top_draw(f, &t->view);
	if (fclose(f) == 0)
		fwrite(text, 1, size, stdout); /* in one piece: no flicker */
	fflush(stdout);
	free(text);
}

/* False: the end. */
static bool key(struct top *t)
{
	char in[8] = {0};
	ssize_t n = read(STDIN_FILENO, in, sizeof(in) - 1);
	bool up = strcmp(in, "\x1b[A") == 0 || in[0] == 'k';
	bool down = strcmp(in, "\x1b[B") == 0 || in[0] == 'j' || in[0] == '\t';

	if (n <= 0 || in[0] == 'q' || in[0] == 'Q')
		return false;
	if (up || down)
		t->view.selected = (t->view.selected + (down ? 1 : t->count - 1)) % t->count;
	else if (in[0] == '\r' || in[0] == '\n')
		t->view.detail = true;
	else if (in[0] == '\x1b' && n == 1)
		t->view.detail = t->count == 1;
	return true;
}

static u64 now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000 + (u64)ts.tv_nsec / 1000000;
}

static void live(struct top *t)
{
	u64 next = now_ms() + FOG_MIN(t->view.interval_ms, 300u); /* the first picture soon */

	look(t);
	while (!asked_to_end) {
		struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
		u64 now = now_ms();
		if (resized)
			size_of_terminal(t);
		draw(t);
		int n = poll(&p, 1, next > now ? (int)(next - now) : 0);
		if (n > 0 && !key(t))
			return;
		if (now_ms() >= next) {
			look(t);
			next = now_ms() + t->view.interval_ms;
		}
	}
}

static int run_live(const struct fog_cli *cli, struct top *t)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &terminal_before) != 0 || !isatty(STDOUT_FILENO))
		return fog_cli_fail(cli, "no terminal to draw on; try --once or --json");
	raw = terminal_before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	sigaction(SIGWINCH, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
	fputs("\x1b[?1049h\x1b[?25l", stdout); /* the other screen, no cursor */
	t->view.live = true;
	t->view.color = cli->color;
	size_of_terminal(t);
	live(t);
	fputs("\x1b[?25h\x1b[?1049l", stdout);
	fflush(stdout);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &terminal_before);
	return FOG_CLI_OK;
}

int fog_cmd_top(struct fog_cli *cli)
{
	static struct top t;
	const char *interval = cli->option[FOG_OPTION_INTERVAL];

	t.view.interval_ms = INTERVAL_MS;
	if (interval != NULL &&
	    (fog_duration_parse(interval, &t.view.interval_ms) != 0 ||
	     t.view.interval_ms < INTERVAL_MIN_MS || t.view.interval_ms > INTERVAL_MAX_MS))
		return fog_cli_usage(cli, "--interval wants a time from 200ms to 1m");
	int rc = open_hosts(cli, &t);
	t.view.names = t.names;
	t.view.detail = t.count == 1;
	if (rc == FOG_CLI_OK)
		rc = cli->json || cli->option[FOG_OPTION_ONCE] != NULL ? print_once(cli, &t)
								       : run_live(cli, &t);
	for (u32 i = 0; i < t.count; i++) {
		fog_client_close(&t.client[i]);
		json_decref(t.last[i]);
	}
	json_decref(t.rates);
	return rc;
}
