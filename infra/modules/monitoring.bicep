// Where the app's log lines end: one Log Analytics workspace, and the Application Insights component in front of it.
// Ingestion takes Microsoft Entra tokens only; the connection string alone lets nobody write.

import { tagsByName } from 'types.bicep'

param workspaceName string
param componentName string
param location string
param tags tagsByName

@description('Days that log lines are kept. The first 31 are part of the ingestion price, 90 for Application Insights tables.')
param retentionDays int

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' = {
  name: workspaceName
  location: location
  tags: tags
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    retentionInDays: retentionDays
    features: {
      disableLocalAuth: true
    }
  }
}

resource component 'Microsoft.Insights/components@2020-02-02' = {
  name: componentName
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    IngestionMode: 'LogAnalytics'
    DisableLocalAuth: true
  }
}

output workspaceId string = workspace.id
output componentName string = component.name
