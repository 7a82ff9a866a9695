# How things stand, on one page.

locals {
  own      = [var.metric_namespace]
  function = ["function", var.function_name]

  # A line for each station, or one for all that is heard where there are none.
  lines = length(var.stations) == 0 ? tomap({ all = tolist(local.function) }) : tomap({
    for name in var.stations : name => tolist(concat(local.function, ["station", name]))
  })

  # [namespace, metric, dimension, value, ..., options], as a dashboard's body has it:
  # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
  graphs = concat(
    [
      {
        title   = "Seconds of audio heard"
        stat    = "Sum"
        metrics = [for name, dimensions in local.lines : concat(local.own, ["audio_seconds"], dimensions, [{ label = name }])]
      },
      {
        title   = "Matches"
        stat    = "Sum"
        metrics = [for name, dimensions in local.lines : concat(local.own, ["matches"], dimensions, [{ label = name }])]
      },
      {
        title   = "Seconds from a segment's end to its answer"
        stat    = "p90"
        metrics = [for name, dimensions in local.lines : concat(local.own, ["latency_s"], dimensions, [{ label = name }])]
      },
      {
        title   = "Jobs refused and failed"
        stat    = "Sum"
        metrics = [for metric in ["refused", "failed"] : concat(local.own, [metric], local.function, [{ label = metric }])]
      },
      {
        title = "Jobs waiting"
        stat  = "Maximum"
        metrics = [
          ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", var.jobs_queue_name, { label = "jobs" }],
          ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", var.jobs_queue_name, { label = "seconds the oldest has waited", yAxis = "right" }],
        ]
      },
      {
        title = "Dead letters"
        stat  = "Maximum"
        metrics = [
          for label, queue in var.dead_letter_queue_names :
          ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue, { label = label }]
        ]
      },
      {
        title = "The function"
        stat  = "Sum"
        metrics = [
          ["AWS/Lambda", "Errors", "FunctionName", var.function_name, { label = "errors" }],
          ["AWS/Lambda", "Throttles", "FunctionName", var.function_name, { label = "throttles" }],
          ["AWS/Lambda", "Duration", "FunctionName", var.function_name, { label = "ms, slowest of ten", stat = "p90", yAxis = "right" }],
        ]
      },
      {
        title   = "Pages from memory and from the store"
        stat    = "Sum"
        metrics = [for metric in ["cache_hits", "cache_misses"] : concat(local.own, [metric], local.function, [{ label = metric }])]
      },
    ],
    var.table_name == "" ? [] : [
      {
        title = "DynamoDB: units"
        stat  = "Sum"
        metrics = [
          ["AWS/DynamoDB", "ConsumedReadCapacityUnits", "TableName", var.table_name, { label = "read" }],
          ["AWS/DynamoDB", "ConsumedWriteCapacityUnits", "TableName", var.table_name, { label = "written" }],
        ]
      },
    ],
    var.aurora_cluster_id == "" ? [] : [
      {
        title = "Aurora: capacity and connections"
        stat  = "Average"
        metrics = [
          ["AWS/RDS", "ServerlessDatabaseCapacity", "DBClusterIdentifier", var.aurora_cluster_id, { label = "ACU" }],
          ["AWS/RDS", "DatabaseConnections", "DBClusterIdentifier", var.aurora_cluster_id, { label = "connections", yAxis = "right" }],
        ]
      },
    ],
  )

  alarms = concat(
    values(aws_cloudwatch_metric_alarm.dead_letters),
    [aws_cloudwatch_metric_alarm.oldest_job],
    values(aws_cloudwatch_metric_alarm.function),
    values(aws_cloudwatch_metric_alarm.silent),
  )

  consoles = { aws-cn = "console.amazonaws.cn", aws-us-gov = "console.amazonaws-us-gov.com" }
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.name

  dashboard_body = jsonencode({
    widgets = concat(
      [{
        type       = "alarm"
        x          = 0
        y          = 0
        width      = 24
        height     = 3
        properties = { title = "Alarms", alarms = slice(local.alarms[*].arn, 0, min(100, length(local.alarms))) }
      }],
      [for index, graph in local.graphs : {
        type   = "metric"
        x      = 12 * (index % 2)
        y      = 3 + 6 * floor(index / 2)
        width  = 12
        height = 6
        properties = {
          title   = graph.title
          region  = var.region
          view    = "timeSeries"
          stacked = false
          period  = 300
          stat    = graph.stat
          metrics = graph.metrics
        }
      }],
    )
  })
}
