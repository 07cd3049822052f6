// The optional virtual network: the app reaches both storage accounts through private endpoints. The function app itself
// stays public, because Event Grid cannot deliver to a private one.

import { tagsByName } from 'types.bicep'

param name string
param location string
param tags tagsByName

param addressPrefix string

@description('For the app\'s instances: at least a /27, delegated to it alone.')
param appSubnetPrefix string

@description('For the five private endpoints.')
param endpointSubnetPrefix string

param hostStorageName string
param dataStorageName string

var suffix = environment().suffixes.storage
var services = ['blob', 'queue', 'table']

var endpoints = [
  { account: hostStorageName, service: 'blob' }
  { account: hostStorageName, service: 'queue' }
  { account: hostStorageName, service: 'table' }
  { account: dataStorageName, service: 'blob' }
  { account: dataStorageName, service: 'queue' }
]

resource network 'Microsoft.Network/virtualNetworks@2025-07-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: [addressPrefix]
    }
    subnets: [
      {
        name: 'app'
        properties: {
          addressPrefix: appSubnetPrefix
          delegations: [
            {
              // Flex Consumption runs on this service, not on Microsoft.Web/serverFarms.
              name: 'flex-consumption'
              properties: {
                serviceName: 'Microsoft.App/environments'
              }
            }
          ]
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: endpointSubnetPrefix
          privateEndpointNetworkPolicies: 'Disabled'
        }
      }
    ]
  }

  resource appSubnet 'subnets' existing = {
    name: 'app'
  }

  resource endpointSubnet 'subnets' existing = {
    name: 'endpoints'
  }
}

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for service in services: {
    name: 'privatelink.${service}.${suffix}'
    location: 'global'
    tags: tags
  }
]

resource links 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for (service, index) in services: {
    parent: zones[index]
    name: name
    location: 'global'
    tags: tags
    properties: {
      registrationEnabled: false
      virtualNetwork: {
        id: network.id
      }
    }
  }
]

resource privateEndpoints 'Microsoft.Network/privateEndpoints@2025-07-01' = [
  for endpoint in endpoints: {
    name: 'pep-${endpoint.account}-${endpoint.service}'
    location: location
    tags: tags
    properties: {
      subnet: {
        id: network::endpointSubnet.id
      }
      privateLinkServiceConnections: [
        {
          name: endpoint.service
          properties: {
            privateLinkServiceId: resourceId('Microsoft.Storage/storageAccounts', endpoint.account)
            groupIds: [endpoint.service]
          }
        }
      ]
    }
  }
]

resource zoneGroups 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2025-07-01' = [
  for (endpoint, index) in endpoints: {
    parent: privateEndpoints[index]
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [
        {
          name: endpoint.service
          properties: {
            privateDnsZoneId: resourceId(
              'Microsoft.Network/privateDnsZones',
              'privatelink.${endpoint.service}.${suffix}'
            )
          }
        }
      ]
    }
    dependsOn: [zones, links]
  }
]

output appSubnetId string = network::appSubnet.id
