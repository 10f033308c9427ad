output "settings" {
  description = "The settings file; `@ADDRESS@` stands for the machine's own address, put in when it starts."
  value       = local.settings
}

output "user_data" {
  description = "User data for cloud-init. Holds no secret, unless a token was given `inline`."
  value       = "#cloud-config\n${yamlencode(local.user_data)}"
}
