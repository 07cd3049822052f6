# azd, before it provisions: check the tenant's file, make the resource group, hand the parameters over.
& "$PSScriptRoot/../deploy.ps1" azd-prepare
exit $LASTEXITCODE
