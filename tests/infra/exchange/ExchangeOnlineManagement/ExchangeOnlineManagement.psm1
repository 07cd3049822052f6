# A stand-in for the cmdlets of ExchangeOnlineManagement that the mailbox runbook calls. What it knows lies in the JSON
# file that EXCHANGE_STATE names, so that it outlives a session as the real organization does:
#   groups, principals, scopes, assignments; holder: which of a principal's names an assignment shows;
#   members: mailboxes in scope; answers: how InScope comes back, as "text" or "boolean"; calls: what was asked.
Set-StrictMode -Version Latest

function Read-State { Get-Content -Raw $env:EXCHANGE_STATE | ConvertFrom-Json -AsHashtable }
function Write-State($State) { $State | ConvertTo-Json -Depth 8 | Set-Content $env:EXCHANGE_STATE }
function Add-Call($State, [string]$Call) { $State.calls = @($State.calls) + $Call }

function Connect-ExchangeOnline {
    [CmdletBinding()] param([bool]$ShowBanner, [string]$ExchangeEnvironmentName)
    $State = Read-State
    Add-Call $State "Connect-ExchangeOnline $ExchangeEnvironmentName"
    Write-State $State
}

function Get-DistributionGroup {
    [CmdletBinding()] param([Parameter(Mandatory)][string]$Identity)
    $Found = @((Read-State).groups | Where-Object { $_.PrimarySmtpAddress -eq $Identity })
    if ($Found.Count -eq 0) { throw "The operation couldn't be performed because object '$Identity' couldn't be found." }
    $Found | ForEach-Object { [pscustomobject]$_ }
}

function Get-ServicePrincipal {
    [CmdletBinding()] param([string]$Identity)
    (Read-State).principals | ForEach-Object { [pscustomobject]$_ }
}

function New-ServicePrincipal {
    [CmdletBinding()]
    param([Parameter(Mandatory)][string]$AppId, [Parameter(Mandatory)][string]$ObjectId, [string]$DisplayName)
    $State = Read-State
    if (@($State.principals | Where-Object { $_.AppId -eq $AppId }).Count) {
        throw "A service principal with application id '$AppId' exists already."
    }
    $New = @{ AppId = $AppId; ObjectId = $ObjectId; DisplayName = $DisplayName }
    $State.principals = @($State.principals) + $New
    Add-Call $State 'New-ServicePrincipal'
    Write-State $State
    [pscustomobject]$New
}

function Remove-ServicePrincipal {
    [CmdletBinding(SupportsShouldProcess)] param([Parameter(Mandatory)][string]$Identity)
    $State = Read-State
    $Left = @($State.principals | Where-Object { $_.ObjectId -ne $Identity })
    if ($Left.Count -eq @($State.principals).Count) { throw "Service principal '$Identity' couldn't be found." }
    $State.principals = $Left
    Add-Call $State 'Remove-ServicePrincipal'
    Write-State $State
}

function Test-Filter([string]$Filter) {
    # one comparison whose value is closed where it ends: inside single quotes, an apostrophe is doubled
    if ($Filter -notmatch "^MemberOfGroup -eq '(?:[^']|'')+'$") { throw "The filter is not valid: $Filter" }
}

function Get-ManagementScope {
    [CmdletBinding()] param([string]$Identity)
    $Found = @((Read-State).scopes | Where-Object { -not $Identity -or $_.Name -eq $Identity })
    if ($Identity -and $Found.Count -eq 0) { throw "Management scope '$Identity' couldn't be found." }
    $Found | ForEach-Object { [pscustomobject]$_ }
}

function New-ManagementScope {
    [CmdletBinding()]
    param([Parameter(Mandatory)][string]$Name, [Parameter(Mandatory)][string]$RecipientRestrictionFilter)
    Test-Filter $RecipientRestrictionFilter
    $State = Read-State
    if (@($State.scopes | Where-Object { $_.Name -eq $Name }).Count) { throw "Management scope '$Name' exists already." }
    $New = @{ Name = $Name; RecipientFilter = $RecipientRestrictionFilter }
    $State.scopes = @($State.scopes) + $New
    Add-Call $State 'New-ManagementScope'
    Write-State $State
    [pscustomobject]$New
}

function Set-ManagementScope {
    [CmdletBinding()]
    param([Parameter(Mandatory)][string]$Identity, [Parameter(Mandatory)][string]$RecipientRestrictionFilter)
    Test-Filter $RecipientRestrictionFilter
    $State = Read-State
    $State.scopes | Where-Object { $_.Name -eq $Identity } | ForEach-Object { $_.RecipientFilter = $RecipientRestrictionFilter }
    Write-State $State
}

function Remove-ManagementScope {
    [CmdletBinding(SupportsShouldProcess)] param([Parameter(Mandatory)][string]$Identity)
    $State = Read-State
    if (@($State.assignments | Where-Object { $_.CustomResourceScope -eq $Identity }).Count) {
        throw "Management scope '$Identity' is used by role assignments."
    }
    $State.scopes = @($State.scopes | Where-Object { $_.Name -ne $Identity })
    Write-State $State
}

function Get-ManagementRoleAssignment {
    [CmdletBinding()] param([string]$Role)
    $State = Read-State
    foreach ($One in @($State.assignments | Where-Object { -not $Role -or $_.Role -eq $Role })) {
        [pscustomobject]@{
            Name = $One.Name; Role = $One.Role; RoleAssigneeName = $One[$State.holder]
            CustomResourceScope = $One.CustomResourceScope
        }
    }
}

function New-ManagementRoleAssignment {
    [CmdletBinding()]
    param([Parameter(Mandatory)][string]$App, [Parameter(Mandatory)][string]$Role, [string]$CustomResourceScope)
    $State = Read-State
    $Holder = @($State.principals | Where-Object { $_.ObjectId -eq $App })
    if ($Holder.Count -eq 0) { throw "No service principal '$App' is known to Exchange." }
    if (-not @($State.scopes | Where-Object { $_.Name -eq $CustomResourceScope }).Count) {
        throw "Management scope '$CustomResourceScope' couldn't be found."
    }
    $New = @{
        Name = "$Role-$([guid]::NewGuid())"; Role = $Role; CustomResourceScope = $CustomResourceScope
        ObjectId = $App; AppId = $Holder[0].AppId; DisplayName = $Holder[0].DisplayName
    }
    $State.assignments = @($State.assignments) + $New
    Add-Call $State "New-ManagementRoleAssignment $Role"
    Write-State $State
    [pscustomobject]$New
}

function Remove-ManagementRoleAssignment {
    [CmdletBinding(SupportsShouldProcess)] param([Parameter(Mandatory)][string]$Identity)
    $State = Read-State
    $Left = @($State.assignments | Where-Object { $_.Name -ne $Identity })
    if ($Left.Count -eq @($State.assignments).Count) { throw "Role assignment '$Identity' couldn't be found." }
    $State.assignments = $Left
    Write-State $State
}

function Test-ServicePrincipalAuthorization {
    [CmdletBinding()] param([Parameter(Mandatory)][string]$Identity, [Parameter(Mandatory)][string]$Resource)
    $State = Read-State
    foreach ($One in @($State.assignments | Where-Object { $_.ObjectId -eq $Identity })) {
        $InScope = @($State.members) -contains $Resource
        [pscustomobject]@{
            RoleName = $One.Role; GrantedPermissions = $One.Role -replace 'Application ', ''
            AllowedResourceScope = $One.CustomResourceScope; ScopeType = 'CustomRecipientScope'
            InScope = if ($State.answers -eq 'text') { "$InScope" } else { $InScope }
        }
    }
}

Export-ModuleMember -Function *-*
