# songid in an account: audio put into a bucket is identified, stations are heard, and what was
# heard is told and reported. See README.md here.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

data "aws_service" "s3" {
  service_id = "s3"
}

# -- the way of a file ---------------------------------------------------------------------

module "image" {
  source = "./modules/image"

  name = var.name
  tags = local.tags
}

module "audio" {
  source = "./modules/audio"

  bucket_name            = "${var.name}-audio-${local.account}-${local.region}"
  protect                = var.protect_data
  segments_days          = var.retention.segments_days
  site_distribution_arns = module.reports_site[*].distribution_arn
  tags                   = local.tags
}

module "jobs" {
  source = "./modules/jobs"

  name               = var.name
  bucket_name        = module.audio.bucket_name
  function_timeout_s = var.function.timeout_s
  tags               = local.tags
}

module "function" {
  source = "./modules/function"

  name               = var.name
  region             = local.region
  image              = local.aurora ? module.migrator[0].image : var.image
  architecture       = var.architecture
  memory_mb          = var.function.memory_mb
  timeout_s          = var.function.timeout_s
  concurrency        = var.function.concurrency
  log_retention_days = var.retention.log_days
  environment        = local.environment
  bucket_arn         = module.audio.bucket_arn
  written_prefixes   = var.events_in_bucket ? ["events"] : []
  jobs_queue_arn     = module.jobs.jobs_queue_arn
  dead_letters_arn   = module.jobs.dead_letters_arn
  undelivered_arn    = module.jobs.undelivered_arn
  topic_arn          = module.results.topic_arn
  key_arn            = module.key.key_arn
  table_arn          = local.aurora ? null : module.store_dynamodb[0].table_arn
  database_user_arn  = local.aurora ? "arn:${local.partition}:rds-db:${local.region}:${local.account}:dbuser:${module.store_aurora[0].user_resource}" : null
  subnet_ids         = local.function_subnets
  security_group_ids = local.function_groups
  pictures           = var.pictures
  tags               = local.tags
}

module "results" {
  source = "./modules/results"

  name    = var.name
  key_arn = module.key.key_arn
  tags    = local.tags
}

module "key" {
  source = "./modules/key"

  name = var.name
  tags = local.tags
}

module "schedules" {
  source = "./modules/schedules"

  name            = var.name
  function_arn    = module.function.function_arn
  undelivered_arn = module.jobs.undelivered_arn
  station_zones   = local.station_zones
  store_pauses    = local.aurora && local.aurora_settings.min_capacity == 0
  tags            = local.tags
}

# -- one store or the other ----------------------------------------------------------------

module "store_dynamodb" {
  source = "./modules/store_dynamodb"
  count  = local.aurora ? 0 : 1

  name         = var.name
  protect      = var.protect_data
  journal_days = var.retention.journal_days
  claims_days  = var.retention.claims_days
  tags         = local.tags
}

locals {
  aurora_settings = var.aurora == null ? {
    min_capacity = 0.5, max_capacity = 4, pause_after_s = 600, instances = 1, backup_days = 7, final_snapshot = false
  } : var.aurora
}

module "store_aurora" {
  source = "./modules/store_aurora"
  count  = local.aurora ? 1 : 0

  name           = var.name
  vpc_id         = local.vpc_id
  subnet_ids     = local.private_subnets
  protect        = var.protect_data
  min_capacity   = local.aurora_settings.min_capacity
  max_capacity   = local.aurora_settings.max_capacity
  pause_after_s  = local.aurora_settings.pause_after_s
  instances      = local.aurora_settings.instances
  backup_days    = local.aurora_settings.backup_days
  final_snapshot = local.aurora_settings.final_snapshot

  log_retention_days = var.retention.log_days
  tags               = local.tags
}

module "migrator" {
  source = "./modules/migrator"
  count  = local.aurora ? 1 : 0

  name               = var.name
  image              = var.image
  architecture       = var.architecture
  store_url          = module.store_aurora[0].migration_url
  secret_arn         = module.store_aurora[0].master_secret_arn
  instance_ids       = module.store_aurora[0].instance_ids
  subnet_ids         = local.function_subnets
  security_group_ids = local.function_groups
  log_retention_days = var.retention.log_days
  tags               = local.tags
}

module "network" {
  source = "./modules/network"
  count  = local.makes_network ? 1 : 0

  name                = var.name
  region              = local.region
  interface_endpoints = local.called_in_network
  public              = length(local.listened) > 0
  tags                = local.tags
}

# -- stations ------------------------------------------------------------------------------

module "listener" {
  source = "./modules/listener"
  count  = length(local.listened) > 0 ? 1 : 0

  name               = var.name
  region             = local.region
  image              = var.image
  architecture       = var.architecture
  stations           = { for name, station in local.listened : name => { source = station.source, timezone = local.station_zones[name], title = station.title } }
  together           = var.listeners.together
  cpu                = var.listeners.cpu
  memory_mb          = var.listeners.memory_mb
  bucket_name        = module.audio.bucket_name
  bucket_arn         = module.audio.bucket_arn
  vpc_id             = local.vpc_id
  subnet_ids         = local.public_subnets
  assign_public_ip   = true
  log_retention_days = var.retention.log_days
  tags               = local.tags
}

module "medialive" {
  source = "./modules/medialive"
  count  = length(local.channels) > 0 ? 1 : 0

  name        = var.name
  stations    = local.channels
  bucket_name = module.audio.bucket_name
  bucket_arn  = module.audio.bucket_arn
  tags        = local.tags
}

# -- what people see -----------------------------------------------------------------------

module "reports_site" {
  source = "./modules/reports_site"
  count  = var.reports_site == null ? 0 : 1

  name                        = var.name
  bucket_regional_domain_name = module.audio.bucket_regional_domain_name
  logins                      = var.reports_site.logins
  public                      = var.reports_site.public
  aliases                     = var.reports_site.aliases
  certificate_arn             = var.reports_site.certificate_arn
  price_class                 = var.reports_site.price_class
  tags                        = local.tags
}

module "alarms" {
  source = "./modules/alarms"

  name               = var.name
  region             = local.region
  key_arn            = module.key.key_arn
  emails             = var.alarm_emails
  monthly_budget_usd = var.monthly_budget_usd
  function_name      = module.function.function_name
  jobs_queue_name    = module.jobs.jobs_queue_name
  dead_letter_queue_names = {
    jobs        = module.jobs.dead_letters_name
    undelivered = module.jobs.undelivered_name
    results     = module.results.dead_letters_name
  }
  stations          = keys(var.stations)
  silent_minutes    = var.silent_minutes
  aurora_cluster_id = local.aurora ? module.store_aurora[0].cluster_id : ""
  table_name        = local.aurora ? "" : module.store_dynamodb[0].table_name
  tags              = local.tags
}
