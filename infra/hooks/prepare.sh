#!/bin/sh
# azd, before it provisions: check the tenant's file, make the resource group, hand the parameters over.
set -eu
exec "$(dirname -- "$0")/../deploy.sh" azd-prepare
