locals {
  tags = merge({ songid = var.name }, var.tags)

  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  # Both major versions of the provider know this one by the same name.
  region = data.aws_service.s3.region

  # -- time zones ----------------------------------------------------------------------------

  time_zones = toset(split("\n", trimspace(file("${path.module}/time_zones.txt"))))

  # For guesses at what was meant: by the place alone, and by how name and region begin.
  zones_by_place     = { for zone in local.time_zones : lower(reverse(split("/", zone))[0]) => zone... }
  zones_by_beginning = { for zone in local.time_zones : lower(substr(zone, 0, length(dirname(zone)) + 3)) => zone... }

  # -- stations ------------------------------------------------------------------------------

  station_zones = { for name, station in var.stations : name => coalesce(station.timezone, var.timezone) }
  listened      = { for name, station in var.stations : name => station if station.source != "" }
  channels      = { for name, station in var.stations : name => station.medialive if station.medialive != null }

  # -- the network ---------------------------------------------------------------------------

  aurora            = var.store == "aurora"
  makes_network     = var.network == null && (local.aurora || length(local.listened) > 0)
  vpc_id            = try(var.network.vpc_id, module.network[0].vpc_id, null)
  private_subnets   = try(var.network.private_subnet_ids, module.network[0].private_subnet_ids, [])
  public_subnets    = try(var.network.public_subnet_ids, module.network[0].public_subnet_ids, [])
  function_subnets  = local.aurora ? local.private_subnets : []
  function_groups   = local.aurora ? [module.store_aurora[0].client_security_group_id] : []
  called_in_network = local.aurora ? toset(["secretsmanager", "sns", "sqs"]) : toset([])

  # -- settings ------------------------------------------------------------------------------

  own_settings = toset([
    "store", "inbox", "sinks", "reports", "timezone", "stations", "function.dead_letters",
    "function.continue_to", "retention.journal_days", "retention.claims_days",
  ])

  store_url = local.aurora ? module.store_aurora[0].store_url : module.store_dynamodb[0].store_url

  sinks = concat(
    ["sns:${module.results.topic_arn}?events=${join(",", var.events)}"],
    var.events_in_bucket ? ["s3://${module.audio.bucket_name}/events"] : [],
    var.sinks,
  )

  # The same tree of settings as on one machine, as variables.
  environment = merge(
    { for key, value in var.settings : "SONGID_${upper(replace(key, ".", "__"))}" => value },
    {
      SONGID_STORE                   = local.store_url
      SONGID_INBOX                   = "s3://${module.audio.bucket_name}"
      SONGID_REPORTS                 = "s3://${module.audio.bucket_name}/reports"
      SONGID_SINKS                   = jsonencode(local.sinks)
      SONGID_TIMEZONE                = var.timezone
      SONGID_FUNCTION__DEAD_LETTERS  = "sqs:${module.jobs.dead_letters_url}"
      SONGID_FUNCTION__CONTINUE_TO   = "sqs:${module.jobs.jobs_queue_url}"
      SONGID_RETENTION__JOURNAL_DAYS = tostring(var.retention.journal_days)
      SONGID_RETENTION__CLAIMS_DAYS  = tostring(var.retention.claims_days)
    },
    length(var.stations) == 0 ? {} : {
      SONGID_STATIONS = jsonencode({
        for name, station in var.stations : name => merge(
          station.timezone == null ? {} : { timezone = station.timezone },
          station.title == "" ? {} : { title = station.title },
        )
      })
    },
  )
}
