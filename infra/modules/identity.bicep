// The one identity of the app: storage, Microsoft Graph and Application Insights all see this principal.
// It is user-assigned, so that it outlives the app: mailbox rights are granted to it by hand (deploy.sh runbook), and
// replacing the app must not undo them.

import { tagsByName } from 'types.bicep'

param name string
param location string
param tags tagsByName

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: name
  location: location
  tags: tags
}

output clientId string = identity.properties.clientId
output principalId string = identity.properties.principalId
