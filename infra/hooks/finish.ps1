# azd, after it deployed the code: wait for the webhook's key, subscribe Event Grid, verify.
& "$PSScriptRoot/../deploy.ps1" azd-finish
exit $LASTEXITCODE
