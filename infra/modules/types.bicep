// The shapes that more than one template takes.

@export()
@description('Tags by name.')
type tagsByName = {
  *: string
}

@export()
@description('App settings by name.')
type settingsByName = {
  *: string
}

@export()
@description('Someone who may drop files.')
type uploader = {
  @description('Object id in Microsoft Entra: of an application its service principal\'s, not its registration\'s.')
  @minLength(36)
  @maxLength(36)
  principalId: string

  principalType: 'User' | 'Group' | 'ServicePrincipal'
}
