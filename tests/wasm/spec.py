#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The WebAssembly test suite through our way of compiling: wast2json takes a script apart, wasm2c
and the C compiler, with the flags of `fog-wasm build`, make a program of its modules, and that
program makes the script's assertions. Nothing of it is interpreted.

    spec.py             the selection in tests/vectors/wasm
    spec.py --all DIR   every script of a checkout of github.com/WebAssembly/testsuite

Skipped, and counted as such: scripts of later proposals that Debian's wast2json cannot read,
modules that import from other modules, text that must be malformed (it never reaches a compiler),
and results that C has no type of its own for. Exit status 1 when an assertion fails."""

import json
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SELECTION = os.path.join(ROOT, "tests", "vectors", "wasm")
RUNTIME = "/usr/share/wabt/wasm2c"
TYPES = {"i32": "u32", "i64": "u64", "f32": "f32", "f64": "f64"}
TIMEOUT_S = 300
# What wabt 1.0.32 lets through, and one assertion about tables that modules share.
KNOWN = {("binary.wast", 113): "a function's end that the next section's first byte passes for",
         ("binary.wast", 287): "a count of data segments without any",
         ("binary.wast", 923): "more branch targets than were declared",
         ("linking0.wast", 42): "it depends on a module that imports from another"}

PRELUDE = r"""
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "wasm-rt-impl.h"
typedef uint32_t u32; typedef uint64_t u64; typedef float f32; typedef double f64;
static unsigned passed;
static void verdict(int line, int good)
{
	passed += good;
	if (!good) printf("%d\n", line);
}
static f32 f32_of(u32 v) { f32 f; memcpy(&f, &v, 4); return f; }
static f64 f64_of(u64 v) { f64 f; memcpy(&f, &v, 8); return f; }
static int is_u32(u32 a, u32 b) { return a == b; }
static int is_u64(u64 a, u64 b) { return a == b; }
static u32 bits32(f32 f) { u32 v; memcpy(&v, &f, 4); return v; }
static u64 bits64(f64 f) { u64 v; memcpy(&v, &f, 8); return v; }
static int canonical32(f32 f) { return (bits32(f) & 0x7fffffff) == 0x7fc00000; }
static int canonical64(f64 f) { return (bits64(f) & 0x7fffffffffffffff) == 0x7ff8000000000000; }
static int arithmetic32(f32 f) { return (bits32(f) & 0x7fc00000) == 0x7fc00000; }
static int arithmetic64(f64 f) { return (bits64(f) & 0x7ff8000000000000) == 0x7ff8000000000000; }
struct Z_spectest_instance_t { int unused; } spectest;
static wasm_rt_funcref_table_t spectest_table;
static wasm_rt_memory_t spectest_memory;
static u32 spectest_i32 = 666; static u64 spectest_i64 = 666;
static f32 spectest_f32 = 666.6f; static f64 spectest_f64 = 666.6;
#define S struct Z_spectest_instance_t *s
void Z_spectestZ_print(S) {}
void Z_spectestZ_print_i32(S, u32 a) {}
void Z_spectestZ_print_i64(S, u64 a) {}
void Z_spectestZ_print_f32(S, f32 a) {}
void Z_spectestZ_print_f64(S, f64 a) {}
void Z_spectestZ_print_i32_f32(S, u32 a, f32 b) {}
void Z_spectestZ_print_f64_f64(S, f64 a, f64 b) {}
wasm_rt_funcref_table_t *Z_spectestZ_table(S) { return &spectest_table; }
wasm_rt_memory_t *Z_spectestZ_memory(S) { return &spectest_memory; }
u32 *Z_spectestZ_global_i32(S) { return &spectest_i32; }
u64 *Z_spectestZ_global_i64(S) { return &spectest_i64; }
f32 *Z_spectestZ_global_f32(S) { return &spectest_f32; }
f64 *Z_spectestZ_global_f64(S) { return &spectest_f64; }
"""


def flags():
    """As controlplane/executor/wasm/build.c has them, but for those that make a shared object."""
    path = os.path.join(ROOT, "controlplane", "executor", "wasm", "build.c")
    with open(path, encoding="utf-8") as source:
        found = re.search(r"to_code\[\] = \{(.*?)NULL\};", source.read(), re.DOTALL)
    every = re.findall(r'"(-[^"]+)"', found.group(1))
    unwanted = ("-shared", "-s", "-fPIC", "-fvisibility", "-Wl", "-o", "-lm")
    kept = [f for f in every if f not in unwanted and not f.startswith(unwanted[3:5])]
    assert "-frounding-math" in kept, "the flags of build.c are not where they were"
    return kept


def mangle(name):
    return "".join(chr(c) if chr(c) == "_" or (chr(c).isalnum() and c < 128 and chr(c) != "Z")
                   else f"Z{c:02X}" for c in name.encode())


class Script:
    """One .wast as one program."""

    def __init__(self, path, work):
        self.work = work
        self.known = {line: why for (name, line), why in KNOWN.items()
                      if name == os.path.basename(path)}
        self.json = os.path.join(work, "script.json")
        done = subprocess.run(["wast2json", path, "-o", self.json], capture_output=True,
                              check=False)
        self.readable = done.returncode == 0
        self.passed = self.failed = self.skipped = 0
        self.lines = []       # of main()
        self.includes = []
        self.sources = []
        self.by_name = {}
        self.current = None   # (name, header) of the last module; None: it was skipped
        self.count = 0

    def run(self):
        if not self.readable:
            return
        with open(self.json, encoding="utf-8") as source:
            commands = json.load(source)["commands"]
        for command in commands:
            getattr(self, "on_" + command["type"], self.skip)(command)
        if self.sources:
            self.execute()

    def fail(self, line, what):
        if line in self.known:
            print(f"  line {line}: known: {self.known[line]}")
            self.skipped += 1
        else:
            print(f"  line {line}: {what}")
            self.failed += 1

    def skip(self, command):
        self.skipped += 1

    # ---- modules -------------------------------------------------------------------------

    def compile(self, filename):
        """(name, header) or None."""
        name = f"m{self.count}"
        self.count += 1
        done = subprocess.run(["wasm2c", os.path.join(self.work, filename), "-n", name, "-o",
                               f"{name}.c"], cwd=self.work, capture_output=True, check=False)
        if done.returncode != 0:
            return None
        with open(os.path.join(self.work, f"{name}.h"), encoding="utf-8") as source:
            header = source.read()
        if any(m != "spectest" for m in re.findall(r"/\* import: '([^']*)'", header)):
            return None
        self.includes.append(f'#include "{name}.h"\nstatic Z_{name}_instance_t i{name};')
        self.sources.append(f"{name}.c")
        return name, header

    @staticmethod
    def instantiate(name, header):
        spectest = ", &spectest" if "Z_spectest_instance_t" in header.split("_instantiate(")[1] \
            .split(")")[0] else ""
        return f"Z_{name}_init_module(); Z_{name}_instantiate(&i{name}{spectest});"

    def on_module(self, command):
        self.current = self.compile(command["filename"])
        if self.current is None:
            self.skipped += 1
            return
        self.lines.append(f"verdict({command['line']}, !wasm_rt_impl_try() && "
                          f"({{ {self.instantiate(*self.current)} 1; }}));")
        if "name" in command:
            self.by_name[command["name"]] = self.current

    def on_assert_uninstantiable(self, command):
        module = self.compile(command["filename"])
        if module is None:
            self.skipped += 1
            return
        self.lines.append(f"if (wasm_rt_impl_try()) verdict({command['line']}, 1); else "
                          f"{{ {self.instantiate(*module)} verdict({command['line']}, 0); }}")

    def refused(self, command):
        """A binary that no compiler may take."""
        if command["module_type"] != "binary":
            self.skipped += 1
            return
        done = subprocess.run(["wasm2c", os.path.join(self.work, command["filename"]), "-o",
                               "refused.c"], cwd=self.work, capture_output=True, check=False)
        refused = done.returncode != 0
        if not refused:  # what wasm2c's check lets through, the C compiler may not
            refused = subprocess.run(["cc", *flags(), "-I", RUNTIME, "-c", "refused.c"],
                                     cwd=self.work, capture_output=True,
                                     check=False).returncode != 0
        if refused:
            self.passed += 1
        else:
            self.fail(command["line"], "compiled, and must not be")

    on_assert_invalid = refused
    on_assert_malformed = refused

    # ---- calls ---------------------------------------------------------------------------

    def call(self, command):
        """C of the action and the type of its result, or None."""
        action = command["action"]
        module = self.by_name.get(action["module"]) if "module" in action else self.current
        if module is None:
            return None
        name, header = module
        symbol = f"Z_{name}Z_{mangle(action['field'])}"
        arguments = action.get("args", [])
        found = re.search(rf"^(\S+?)\s*(\*?)\s*{re.escape(symbol)}\(", header, re.MULTILINE)
        if found is None or any(a["type"] not in TYPES for a in arguments):
            return None
        text = f"{symbol}({', '.join([f'&i{name}'] + [constant(a) for a in arguments])})"
        return ("*" if action["type"] == "get" else "") + text

    def on_assert_return(self, command):
        expected = command["expected"]
        call = self.call(command)
        if call is None or len(expected) > 1 or any(e["type"] not in TYPES for e in expected):
            self.skipped += 1
            return
        check = is_equal(expected[0], call) if expected else f"({{ {call}; 1; }})"
        self.lines.append(f"verdict({command['line']}, !wasm_rt_impl_try() && {check});")

    def on_action(self, command):
        call = self.call(command)
        if call is None:
            self.skipped += 1
            return
        self.lines.append(f"if (!wasm_rt_impl_try()) (void){call};")

    def on_assert_trap(self, command):
        call = self.call(command)
        if call is None:
            self.skipped += 1
            return
        self.lines.append(f"if (wasm_rt_impl_try()) verdict({command['line']}, 1); else "
                          f"{{ (void){call}; verdict({command['line']}, 0); }}")

    on_assert_exhaustion = on_assert_trap

    # ---- the program ---------------------------------------------------------------------

    def execute(self):
        # Many small functions: one large one takes a compiler long.
        steps = [self.lines[i:i + 200] for i in range(0, len(self.lines), 200)]
        functions = [f"static void step{i}(void)\n{{\n" + "\n".join(s) + "\n}"
                     for i, s in enumerate(steps)]
        calls = "\n".join(f"step{i}();" for i in range(len(steps)))
        with open(os.path.join(self.work, "main.c"), "w", encoding="utf-8") as out:
            out.write("\n".join([PRELUDE, *self.includes, *functions, f"""
int main(void)
{{
	wasm_rt_init();
	wasm_rt_allocate_memory(&spectest_memory, 1, 2);
	wasm_rt_allocate_funcref_table(&spectest_table, 10, 20);
	{calls}
	printf("%u\\n", passed);
	return 0;
}}"""]))
        objects = []
        for source in self.sources:
            objects.append(self.cc(source, flags()))
        objects.append(self.cc("main.c", ["-w", "-O0", "-std=gnu17"]))
        objects.append(self.cc(os.path.join(RUNTIME, "wasm-rt-impl.c"), ["-w", "-O2"]))
        subprocess.run(["cc", "-o", "script", *objects, "-lm"], cwd=self.work, check=True)
        done = subprocess.run(["./script"], cwd=self.work, capture_output=True, text=True,
                              timeout=TIMEOUT_S, check=False)
        lines = done.stdout.splitlines()
        if done.returncode != 0 or not lines:
            print(f"  ended with {done.returncode}: {done.stderr.strip()}")
            self.failed += 1
            return
        for line in lines[:-1]:
            self.fail(int(line), "failed")
        self.passed += int(lines[-1])

    def cc(self, source, options):
        target = os.path.basename(source)[:-2] + ".o"
        subprocess.run(["cc", *options, "-I", RUNTIME, "-c", source, "-o", target],
                       cwd=self.work, check=True)
        return target


def constant(value):
    if value["type"] in ("f32", "f64"):
        suffix = "u" if value["type"] == "f32" else "ull"
        return f"{value['type']}_of({value['value']}{suffix})"
    return f"{value['value']}{'u' if value['type'] == 'i32' else 'ull'}"


def is_equal(expected, call):
    kind, value = expected["type"], expected["value"]
    if kind in ("i32", "i64"):
        return f"is_{TYPES[kind]}({call}, {constant(expected)})"
    bits = kind[1:]
    if value.startswith("nan:"):
        return f"{value[4:]}{bits}({call})"
    return f"bits{bits}({call}) == {value}{'u' if bits == '32' else 'ull'}"


def main():
    directory = SELECTION
    if len(sys.argv) == 3 and sys.argv[1] == "--all":
        directory = sys.argv[2]
    elif len(sys.argv) != 1:
        sys.exit(__doc__)
    passed = failed = skipped = unreadable = 0
    names = sorted(n for n in os.listdir(directory) if n.endswith(".wast"))
    for name in names:
        with tempfile.TemporaryDirectory(prefix="fog-wast-") as work:
            script = Script(os.path.join(directory, name), work)
            script.run()
        if not script.readable:
            unreadable += 1
            print(f"{name}: skipped, of a later proposal")
            continue
        print(f"{name}: {script.passed} passed, {script.failed} failed, "
              f"{script.skipped} skipped", flush=True)
        passed += script.passed
        failed += script.failed
        skipped += script.skipped
    print(f"{len(names) - unreadable} of {len(names)} scripts, {skipped} assertions skipped")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
