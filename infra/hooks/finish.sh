#!/bin/sh
# azd, after it deployed the code: wait for the webhook's key, subscribe Event Grid, verify.
set -eu
exec "$(dirname -- "$0")/../deploy.sh" azd-finish
