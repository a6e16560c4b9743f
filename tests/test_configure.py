"""Settings of the process: what XLA reads and compiles, and which files a second process finds, each in fresh processes."""

import json
import os
import subprocess
import sys

import jax
import pytest

import jgd
from jgd._configure import THRESHOLD, read_environment, with_option

ASKED = f"--xla_backend_extra_options={THRESHOLD}=65536"

# A loop of one-row steps, compiled: how many of its `while`s are inside a small call, which is one kernel, and how many not.
LOOPS = """
import re
import jax, jax.numpy as jnp
def descend(w, X):
    return jax.lax.scan(lambda w, x: (w - 0.1 * jnp.tanh((w * x).sum()) * x - 0.01 * w, None), w, X)[0]
text = jax.jit(descend).lower(jnp.ones(100), jnp.ones((500, 100))).compile().as_text()
small = set(re.findall(r"to_apply=%([^,\\s]+),.*xla_cpu_small_call=\\"true\\"", text))
inside = {True: 0, False: 0}
for line in text.splitlines():
    if line.startswith(("%", "ENTRY")):
        computation = line.split()[0].lstrip("%")
    if " while(" in line:
        inside[computation in small] += 1
answer["in_kernel"], answer["outside"] = inside[True], inside[False]
"""

# What XLA has made of the flags.
OPTIONS = """
from jax.extend import backend
read = backend.get_compile_options(num_replicas=1, num_partitions=1).SerializeAsString()
answer["read"] = read.decode("latin1")
"""

# Programs compiled, and how many of them JAX found in its cache.
COMPILE = """
import jax, jax.numpy as jnp
events = []
jax.monitoring.register_event_listener(lambda name, **_: events.append(name.rpartition("/")[2]))
print(jax.jit(lambda x: jnp.sort(x) @ x)(jnp.arange(8.0)))
result = jgd.minimize(lambda w: ((w - 2.0) ** 2).sum(), jnp.ones(3), jgd.adam(0.1), steps=20)
answer["loss"] = float(result.objective)
answer["hits"], answer["misses"] = events.count("cache_hits"), events.count("cache_misses")
"""


def process(code, **environment):
    """What the code leaves in `answer`, or the last line of its error, in a process with only these of the settings."""
    ours = ("JGD_", "JAX_", "XLA_", "XDG_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    code = f"import json\nanswer = {{}}\n{code}\nprint(json.dumps(answer))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, env={**kept, "JAX_PLATFORMS": "cpu", **environment}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        return done.stderr.strip().splitlines()[-1]
    assert not done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("before", "environment", "kernels"),
    [
        ("import jgd", {}, 0),
        ("import jgd; jgd.configure(small_loops=False)", {"JGD_SMALL_LOOPS": "0"}, 0),
        ("import jgd; jgd.configure(small_loops=True)", {}, 1),
        ("import jgd", {"JGD_SMALL_LOOPS": "1"}, 1),
        ("import jgd; jgd.configure(small_loops=True)", {"XLA_FLAGS": f"--xla_backend_extra_options={THRESHOLD}=1024"}, 0),
    ],
    ids=["unasked", "not", "called", "environment", "users own"],
)
def test_a_loop_of_small_steps_is_one_kernel_where_it_is_asked_for(before, environment, kernels):
    answer = process(before + LOOPS, **environment)
    assert (answer["in_kernel"], answer["outside"]) == (kernels, 1 - kernels)


def test_the_command_line_asks_for_itself():
    code = """
import os, jgd.__main__ as cli
cli.main = lambda: 7
for name, given in {"file": {"XLA_FLAGS": "flags.txt"}, "not": {"JGD_SMALL_LOOPS": "0"}, "unasked": {}}.items():
    os.environ.update(given)
    answer[name] = cli._process(), os.environ.pop("XLA_FLAGS", None)
    os.environ.pop("JGD_SMALL_LOOPS", None)
"""
    assert process(code) == {"file": [7, "flags.txt"], "not": [7, None], "unasked": [7, ASKED]}


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("", ASKED),
        ("--xla_dump_to=/tmp/x", f"--xla_dump_to=/tmp/x {ASKED}"),
        ("--xla_backend_extra_options=a=1", f"--xla_backend_extra_options=a=1,{THRESHOLD}=65536"),
        ("--xla_backend_extra_options=a=1,b --c=2", f"--xla_backend_extra_options=a=1,b,{THRESHOLD}=65536 --c=2"),
        ("--xla_backend_extra_options= --c=2", f"{ASKED} --c=2"),
        ("--xla_backend_extra_options='a=1,b=2'", f"--xla_backend_extra_options='a=1,b=2,{THRESHOLD}=65536'"),
        ('--xla_backend_extra_options="a=1" --c=2', f'--xla_backend_extra_options="a=1,{THRESHOLD}=65536" --c=2'),
        ("--xla_backend_extra_options=a=1, --c=2", f"--xla_backend_extra_options=a=1,{THRESHOLD}=65536 --c=2"),
    ],
)
def test_other_flags_stay(flags, expected):
    assert with_option(flags, f"{THRESHOLD}=65536") == expected


@pytest.mark.parametrize("quote", ["", "'", '"'])
def test_xla_reads_the_users_options_and_ours(quote):
    flags = f"--xla_dump_hlo_module_re=nothing_of_ours --xla_backend_extra_options={quote}first=1,second=2{quote}"
    read = process("import jgd; jgd.configure(small_loops=True); jgd.configure(small_loops=True)" + OPTIONS, XLA_FLAGS=flags)[
        "read"
    ]
    for part in ("nothing_of_ours", "first", "second", THRESHOLD, "65536"):
        assert read.count(part) == 1, part


def test_too_late_is_said_unless_it_is_in_force():
    message = process("""
import jax, os
jax.numpy.zeros(3)
os.environ["JGD_SMALL_LOOPS"] = "1"
try:
    import jgd
except RuntimeError as error:
    answer["imported"] = str(error)
assert "it is too late" in answer["imported"]
del os.environ["JGD_SMALL_LOOPS"]
import jgd
jgd.configure(small_loops=True)
""")
    assert message.startswith("RuntimeError: it is too late for small_loops: XLA reads its options when JAX starts")
    assert "before that (in a notebook, restart the kernel), or export JGD_SMALL_LOOPS=1 and import jgd before it." in message
    late = "import jax, jgd; jax.numpy.zeros(3); jgd.configure(small_loops=True)"
    assert process(late, XLA_FLAGS=ASKED) == {}
    assert process(late, JGD_SMALL_LOOPS="1") == {}


def test_flags_in_a_file_are_left_to_their_owner(tmp_path):
    (tmp_path / "flags").write_text("--xla_dump_hlo_module_re=nothing\n")
    message = process("import jgd; jgd.configure(small_loops=True)", XLA_FLAGS=str(tmp_path / "flags"))
    assert message == f"ValueError: XLA_FLAGS names a file of flags, '{tmp_path / 'flags'}': add {ASKED} to it."


@pytest.mark.parametrize("way", ["called", "called late", "environment"])
def test_a_second_process_finds_every_program_in_the_cache(tmp_path, way):
    path = tmp_path / "some" / "cache"
    late = "import jax\njax.jit(lambda x: x + 1)(1.0)\n" if way == "called late" else ""
    before = "import jgd" if way == "environment" else f"{late}import jgd; jgd.configure(compilation_cache={str(path)!r})"
    environment = {"JGD_COMPILATION_CACHE": str(path)} if way == "environment" else {}
    first = process(before + COMPILE, **environment)
    files = {file.name: file.read_bytes() for file in path.iterdir()}
    assert (first["hits"], first["misses"]) == (0, len(files))
    assert first["misses"] > 2
    second = process(before + COMPILE, **environment)
    assert (second["hits"], second["misses"]) == (first["misses"], 0)
    assert {file.name: file.read_bytes() for file in path.iterdir()} == files
    assert second["loss"] == first["loss"]


def test_the_cache_can_move_and_knows_small_loops(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    move = f"import jgd; jgd.configure(compilation_cache={str(one)!r})" + COMPILE
    move += f"\njax.clear_caches(); jgd.configure(compilation_cache={str(two)!r})" + COMPILE
    assert process(move)["hits"] == 0
    names = [file.name for file in one.iterdir()]
    assert len(list(two.iterdir())) == len(names)
    # Programs compiled with the option are others: none is found, none is replaced.
    answer = process(f"import jgd; jgd.configure(compilation_cache={str(one)!r})" + COMPILE, JGD_SMALL_LOOPS="1")
    assert (answer["hits"], answer["misses"]) == (0, len(names))
    assert len(list(one.iterdir())) == 2 * len(names)


def test_where_the_cache_is_by_default(tmp_path):
    code = """
import jax, jgd, os
from jgd._configure import read_environment
answer["unset"] = jax.config.jax_compilation_cache_dir
for name, environment, set_it in [
    ("user's", {"XDG_CACHE_HOME": HERE}, lambda: jgd.configure(compilation_cache=True)),
    ("relative", {"HOME": HERE, "XDG_CACHE_HOME": "relative"}, lambda: jgd.configure(compilation_cache=True)),
    ("expanded", {"HOME": HERE, "JGD_COMPILATION_CACHE": "~/mine"}, read_environment),
]:
    jax.config.update("jax_compilation_cache_dir", None)
    os.environ.update(environment)
    set_it()
    answer[name] = jax.config.jax_compilation_cache_dir
"""
    assert process(code.replace("HERE", repr(str(tmp_path))), JGD_COMPILATION_CACHE="0") == {
        "unset": None,
        "user's": str(tmp_path / "jgd"),
        "relative": str(tmp_path / ".cache" / "jgd"),
        "expanded": str(tmp_path / "mine"),
    }
    assert (tmp_path / "jgd").stat().st_mode & 0o777 == 0o700
    where = "import jax, jgd; answer['dir'] = jax.config.jax_compilation_cache_dir"
    assert process(where, XDG_CACHE_HOME=str(tmp_path), JGD_COMPILATION_CACHE="1") == {"dir": str(tmp_path / "jgd")}
    own = {"JAX_COMPILATION_CACHE_DIR": str(tmp_path / "own")}
    assert process(where, JGD_COMPILATION_CACHE="1", **own) == {"dir": str(tmp_path / "own")}


def test_the_environments_words_are_read_when_jgd_is_imported():
    message = process("import jgd", JGD_SMALL_LOOPS="yes")
    assert message == "ValueError: the environment variable JGD_SMALL_LOOPS must be 1 or 0, found 'yes'."


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("JGD_SMALL_LOOPS", "2", r"environment variable JGD_SMALL_LOOPS must be 1 or 0, found '2'\.$"),
        ("JGD_SMALL_LOOPS", "True", r"environment variable JGD_SMALL_LOOPS must be 1 or 0, found 'True'\.$"),
        ("JGD_COMPILATION_CACHE", "on", r"variable JGD_COMPILATION_CACHE must be a directory, 1 or 0, found 'on'\.$"),
        ("JGD_COMPILATION_CACHE", "/dev/null/here", r"/dev/null/here cannot be written to \(Not a directory\)"),
    ],
)
def test_the_environments_words(monkeypatch, name, value, message):
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=message):
        read_environment()


@pytest.mark.parametrize("value", [1, 0, "1", None, [True]])
def test_small_loops_is_true_or_false(value):
    with pytest.raises(TypeError, match=r"small_loops must be True or False, found "):
        jgd.configure(small_loops=value)


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        (False, TypeError, r"compilation_cache must be True or a directory, found False\."),
        (1, TypeError, r"compilation_cache must be True or a directory, found 1\."),
        (b"x", TypeError, r"compilation_cache must be True or a directory, found b'x'\."),
        (" ", ValueError, r"compilation_cache must be True or a directory, found ' '\."),
        (__file__, ValueError, r"compilation_cache .*test_configure\.py is a file: give a directory\."),
        (__file__ + "/x", ValueError, r"cannot be written to \(Not a directory\): give another directory\."),
        ("~nobody-at-all/x", ValueError, r"cannot be written to \(Could not determine home directory\.?\): give another"),
        ("/proc/x", ValueError, r"compilation_cache /proc/x cannot be written to \(.+\): give another directory\."),
        ("a\0b", ValueError, r"cannot be written to \(embedded null byte\): give another directory\."),
    ],
)
def test_what_is_no_directory_is_refused_and_nothing_set(value, error, message):
    before = dict(jax.config.values)
    with pytest.raises(error, match=message):
        jgd.configure(compilation_cache=value)
    assert dict(jax.config.values) == before
