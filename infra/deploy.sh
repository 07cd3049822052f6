#!/bin/sh
# One tenant's deployment: infra/deploy.sh COMMAND TENANT (no arguments: the list of commands).
# Needs the Azure CLI (az login) and Python 3.11 or newer; the steps themselves are in infra/deployer.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
for python in python3 python; do
    if command -v "$python" >/dev/null 2>&1 &&
        "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        if [ $# -eq 0 ]; then
            set -- --help
        fi
        PYTHONPATH="$here${PYTHONPATH:+:$PYTHONPATH}" exec "$python" -m deployer "$@"
    fi
done
echo "infra/deploy.sh needs Python 3.11 or newer on the PATH." >&2
exit 2
