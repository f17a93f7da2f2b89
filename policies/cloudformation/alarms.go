// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package cloudformation

import (
	"encoding/json"
	"slices"
)

// An alarm is raised when the sum of a metric is above a threshold in so many of
// periods of five minutes, one after another.
type alarm struct {
	name, description string
	namespace, metric string
	dimensions        object
	statistic         string // "": Sum
	threshold         json.Number
	periods           json.Number
	condition         string // of the template; "": always
}

// onMQTT are AWS IoT's metrics of the message broker, of all clients of the
// account in this region (AWS IoT metrics and dimensions).
func onMQTT(name, metric, threshold, description string) alarm {
	return alarm{name: name, description: description, namespace: "AWS/IoT", metric: metric,
		dimensions: object{{"Protocol", "MQTT"}}, threshold: json.Number(threshold), periods: "1"}
}

// alarms need a topic of SNS to tell anybody; without one they are only shown.
func (s *stack) alarms() {
	s.parameters = append(s.parameters,
		field{"AlarmTopic", object{{"Type", "String"}, {"Default", ""}, {"AllowedPattern", `^$|^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]+$`},
			{"Description", "The ARN of the SNS topic that is told of alarms; empty: nobody is."}}},
		field{"LambdaFunction", object{{"Type", "String"}, {"Default", ""},
			{"Description", "The name of thingpass-lambda's function, where it runs; empty: no alarms for it."}}})
	isGiven := func(parameter string) object {
		return object{{"Fn::Not", []any{object{{"Fn::Equals", []any{ref(parameter), ""}}}}}}
	}
	s.conditions = append(s.conditions, field{"HasTopic", isGiven("AlarmTopic")}, field{"HasFunction", isGiven("LambdaFunction")})
	// S3 counts requests for nobody but who asks it to.
	s.bucketProperties = append(s.bucketProperties, field{"MetricsConfigurations", []any{object{{"Id", "EntireBucket"}}}})
	for _, a := range append(s.watched(), s.watchedQueues()...) {
		s.alarm(a)
	}
}

func (s *stack) watched() []alarm {
	inBucket := object{{"BucketName", ref("Bucket")}, {"FilterId", "EntireBucket"}}
	function := object{{"FunctionName", ref("LambdaFunction")}}
	return []alarm{
		onMQTT("PublishesDiscarded", "PublishIn.Throttle", "0", "AWS IoT discards what is published: add mqtt.connections, or things ask too often."),
		onMQTT("DeliveriesDiscarded", "PublishOut.Throttle", "0", "AWS IoT discards what it should deliver: add mqtt.connections."),
		onMQTT("ConnectionsThrottled", "Connect.Throttle", "0", "Things connect faster than the account may: stagger them, or raise the quota."),
		onMQTT("ConnectionsDenied", "Connect.AuthError", "10", "Somebody may not connect: thingpass policy whynot reads AWS IoT's log."),
		onMQTT("PublishesDenied", "PublishIn.AuthError", "10", "Somebody publishes where he may not: thingpass policy whynot reads AWS IoT's log."),
		onMQTT("SubscriptionsDenied", "Subscribe.AuthError", "10", "Somebody subscribes where he may not: thingpass policy whynot reads AWS IoT's log."),
		{name: "BucketRefuses", description: "S3 refuses many requests: expired grants, other bytes than were signed, or strangers.",
			namespace: "AWS/S3", metric: "4xxErrors", dimensions: inBucket, threshold: "100", periods: "2"},
		{name: "BucketFails", description: "S3 fails. Things try again by themselves.",
			namespace: "AWS/S3", metric: "5xxErrors", dimensions: inBucket, threshold: "10", periods: "2"},
		{name: "FunctionFails", description: "thingpass-lambda fails: see its log.", condition: "HasFunction",
			namespace: "AWS/Lambda", metric: "Errors", dimensions: function, threshold: "0", periods: "1"},
		{name: "FunctionThrottled", description: "thingpass-lambda is called more often than the account may: raise its concurrency.", condition: "HasFunction",
			namespace: "AWS/Lambda", metric: "Throttles", dimensions: function, threshold: "0", periods: "1"},
	}
}

// watchedQueues are those of the part events.
func (s *stack) watchedQueues() []alarm {
	if !slices.Contains(s.options.Parts, "events") {
		return nil
	}
	return []alarm{
		{name: "EventsLeft", description: "Events that nobody understood after all tries.", statistic: "Maximum", namespace: "AWS/SQS",
			metric: "ApproximateNumberOfMessagesVisible", dimensions: object{{"QueueName", object{{"Fn::GetAtt", []any{"FailedEvents", "QueueName"}}}}},
			threshold: "0", periods: "1"},
		{name: "EventsLate", description: "Events wait for longer than ten minutes: is a broker running that has events.sqs_queue?", statistic: "Maximum",
			namespace: "AWS/SQS", metric: "ApproximateAgeOfOldestMessage", threshold: "600", periods: "2",
			dimensions: object{{"QueueName", object{{"Fn::GetAtt", []any{"EventsQueue", "QueueName"}}}}}},
	}
}

func (s *stack) alarm(a alarm) {
	dimensions := []any{}
	for _, d := range a.dimensions {
		dimensions = append(dimensions, object{{"Name", d.name}, {"Value", d.value}})
	}
	if a.statistic == "" {
		a.statistic = "Sum"
	}
	var attributes []field
	if a.condition != "" {
		attributes = []field{{"Condition", a.condition}}
	}
	s.add(a.name, "CloudWatch::Alarm", object{
		{"AlarmDescription", a.description},
		{"Namespace", a.namespace}, {"MetricName", a.metric}, {"Dimensions", dimensions},
		{"Statistic", a.statistic}, {"Period", json.Number("300")}, {"EvaluationPeriods", a.periods},
		{"ComparisonOperator", "GreaterThanThreshold"}, {"Threshold", a.threshold},
		{"TreatMissingData", "notBreaching"}, // nothing is told where nothing was counted
		{"AlarmActions", when("HasTopic", []any{ref("AlarmTopic")})},
		{"OKActions", when("HasTopic", []any{ref("AlarmTopic")})},
	}, attributes...)
}
