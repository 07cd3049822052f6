# One tenant's deployment, for PowerShell: infra/deploy.ps1 COMMAND TENANT (no arguments: the list of commands).
# Needs the Azure CLI (az login) and Python 3.11 or newer; the steps themselves are in infra/deployer.
$ErrorActionPreference = 'Stop'

# An array whatever the number of arguments: a single one that became a string would be splatted letter by letter.
[string[]]$arguments = @($args)
if ($arguments.Count -eq 0) {
    $arguments = @('--help')
}
foreach ($python in @('python3', 'python', 'py')) {
    if (-not (Get-Command $python -CommandType Application -ErrorAction SilentlyContinue)) {
        continue
    }
    & $python -c 'import sys; sys.exit(sys.version_info < (3, 11))'
    if ($LASTEXITCODE -ne 0) {
        continue
    }
    $separator = [System.IO.Path]::PathSeparator
    $env:PYTHONPATH = if ($env:PYTHONPATH) { "$PSScriptRoot$separator$env:PYTHONPATH" } else { $PSScriptRoot }
    & $python -m deployer @arguments
    exit $LASTEXITCODE
}
[Console]::Error.WriteLine('infra/deploy.ps1 needs Python 3.11 or newer on the PATH.')
exit 2
