// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"thingpass/broker/internal/fakesqs"
)

const grafanaFolder = "../../deploy/grafana/"

// notShown are the metrics that no panel has: what Go's own client tells of every
// program. Anything else of ours belongs on the dashboard.
var notShown = regexp.MustCompile(`^(go_(gc|memstats|info|threads|sched|goroutines)|process_(max_fds|network|start_time|virtual)|promhttp_)`)

// exported are the metrics of a broker that has answered, refused, been asked for
// credentials of S3 and had an event: by name, their labels.
func exported(t *testing.T) map[string][]string {
	t.Helper()
	s := newStack(t)
	var key struct{ AccessKeyID, SecretAccessKey string }
	text, err := os.ReadFile(s.path("s3-credentials.json"))
	s.must(err)
	s.must(json.Unmarshal(text, &key))
	q := fakesqs.Start(t, fakesqs.Options{AccessKeyID: key.AccessKeyID, SecretAccessKey: key.SecretAccessKey, Region: "us-east-1",
		Visibility: time.Second, MaxReceives: 5})
	p := startProgram(t, "run", "--config", s.config(`file: "-"`, "file: audit.jsonl", "as JSON, if not\n  listen: \"off\"", "as JSON, if not\n  "+listening, // http's, not the console's
		"# sqs_queue: https://sqs.eu-central-1.amazonaws.com/111122223333/photos", "sqs_queue: "+q.URL(),
		"# sqs_endpoint: https://sqs.example.com", "sqs_endpoint: "+q.Endpoint()))
	p.awaitReady()
	cam := s.thing("cam1")
	grant := cam.ask("upload-request", `{"id":"a1","kind":"photo","size":700}`)
	if status := s.upload(grant, make([]byte, 700)); status != http.StatusOK {
		t.Fatalf("upload: %d", status)
	}
	cam.ask("upload-complete", fmt.Sprintf(`{"id":"r1","objectKey":%q,"size":700}`, grant["objectKey"]))
	_, told := p.scrape("/metrics")
	metrics := map[string][]string{}
	for _, m := range regexp.MustCompile(`(?m)^([a-z_:]+)(?:\{(.*)\})? `).FindAllStringSubmatch(told, -1) {
		for _, l := range regexp.MustCompile(`([a-z_]+)="`).FindAllStringSubmatch(m[2], -1) {
			metrics[m[1]] = append(metrics[m[1]], l[1])
		}
		metrics[m[1]] = append(metrics[m[1]], "job", "instance") // Prometheus adds them
	}
	if len(metrics) < 40 {
		t.Fatalf("there are only %q", slices.Sorted(maps.Keys(metrics)))
	}
	return metrics
}

// A dashboard is what this test reads of one; Grafana's own schema has much more.
type dashboard struct {
	UID        string
	Panels     []panel
	Templating struct {
		List []struct{ Name, Type, Definition string }
	}
}

type panel struct {
	ID          int
	Type, Title string
	Datasource  struct{ UID string }
	GridPos     struct{ H, W, X, Y int }
	Targets     []struct {
		RefID, Expr string
		Datasource  struct{ UID string }
	}
}

func grafanaDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	text, err := os.ReadFile(grafanaFolder + "thingpass.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

type alertRules struct {
	Groups []struct {
		Name  string `yaml:"name"`
		Rules []struct {
			Alert       string            `yaml:"alert"`
			Expr        string            `yaml:"expr"`
			For         string            `yaml:"for"`
			Labels      map[string]string `yaml:"labels"`
			Annotations map[string]string `yaml:"annotations"`
		} `yaml:"rules"`
	} `yaml:"groups"`
}

// TestTheDashboardShowsEveryMetric, and none that does not exist.
func TestTheDashboardShowsEveryMetric(t *testing.T) {
	d, rules := grafanaDashboard(t), grafanaAlerts(t)
	metrics := exported(t) // changes the folder
	used := map[string]bool{}
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			names, wrong := inPromQL(target.Expr, metrics)
			for _, complaint := range wrong {
				t.Errorf("panel %q: %s: %s", p.Title, target.Expr, complaint)
			}
			for _, name := range names {
				used[strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_total")] = true
			}
		}
	}
	for name := range metrics {
		family := strings.TrimSuffix(name, "_total")
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			if _, isHistogram := metrics[strings.TrimSuffix(name, suffix)+"_bucket"]; isHistogram {
				family = strings.TrimSuffix(family, suffix)
			}
		}
		if !used[family] && !notShown.MatchString(name) {
			t.Errorf("%s is told, and shown nowhere: give it a panel, or a reason in notShown", name)
		}
	}
	for _, complaint := range alertFaults(rules, metrics) {
		t.Error(complaint)
	}
}

func grafanaAlerts(t *testing.T) (rules alertRules) {
	t.Helper()
	text, err := os.ReadFile(grafanaFolder + "alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&rules); err != nil {
		t.Fatal(err)
	}
	return rules
}

func alertFaults(rules alertRules, metrics map[string][]string) (faults []string) {
	names := map[string]bool{}
	metrics["up"] = []string{"job", "instance"} // Prometheus's own
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			used, wrong := inPromQL(r.Expr, metrics)
			if len(used) == 0 || names[r.Alert] || !slices.Contains([]string{"critical", "warning"}, r.Labels["severity"]) || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
				faults = append(faults, fmt.Sprintf("alert %s: no metric, not unique, or no severity, summary and description", r.Alert))
			}
			if _, err := time.ParseDuration(cmp.Or(r.For, "0s")); err != nil {
				faults = append(faults, fmt.Sprintf("alert %s: %v", r.Alert, err))
			}
			names[r.Alert] = true
			for _, complaint := range wrong {
				faults = append(faults, fmt.Sprintf("alert %s: %s: %s", r.Alert, r.Expr, complaint))
			}
		}
	}
	if len(names) < 10 {
		faults = append(faults, fmt.Sprintf("there are %d alerts", len(names)))
	}
	return faults
}

// TestTheDashboardIsStable: Grafana knows dashboards and panels by their ids; the
// data source is the reader's to choose; no panel covers another.
func TestTheDashboardIsStable(t *testing.T) {
	t.Parallel()
	d := grafanaDashboard(t)
	if d.UID != "thingpass-broker" {
		t.Errorf("the uid is %q: links to it would break", d.UID)
	}
	var names []string
	for _, v := range d.Templating.List {
		names = append(names, v.Name+":"+v.Type)
	}
	if !slices.Equal(names, []string{"datasource:datasource", "job:query", "instance:query"}) {
		t.Errorf("its variables are %q", names)
	}
	ids, taken := map[int]string{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if ids[p.ID] != "" || p.ID <= 0 {
			t.Errorf("panels %q and %q are both %d", ids[p.ID], p.Title, p.ID)
		}
		ids[p.ID] = p.Title
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if taken[[2]int{x, y}] != "" || x >= 24 {
					t.Fatalf("%q is over %q, or beyond the edge", p.Title, taken[[2]int{x, y}])
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		for _, target := range p.Targets {
			if target.Datasource.UID != "${datasource}" || p.Datasource.UID != "${datasource}" {
				t.Errorf("%q has a data source of its own", p.Title)
			}
			if strings.Contains(target.Expr, "{") && !strings.Contains(target.Expr, `job=~"$job",instance=~"$instance"`) {
				t.Errorf("%q does not heed the variables: %s", p.Title, target.Expr)
			}
		}
	}
}

// TestPromtoolTakesTheAlerts, where it is.
func TestPromtoolTakesTheAlerts(t *testing.T) {
	t.Parallel()
	tool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not there: prometheus has it")
	}
	if out, err := exec.CommandContext(t.Context(), tool, "check", "rules", grafanaFolder+"alerts.yaml").CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
