// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package deploy_test

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"thingpass/broker/cmd/thingpass/config"
	"thingpass/policies"
	"thingpass/policies/templates"
)

// manifest reads one object strictly: a field that Kubernetes does not have, or
// that its type here lacks, is an error.
func manifest[T any](t *testing.T, name, apiVersion, kind string) (m object[T]) {
	t.Helper()
	decoder := yaml.NewDecoder(strings.NewReader(read(t, filepath.Join("kubernetes", name))))
	decoder.KnownFields(true)
	if err := decoder.Decode(&m); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if m.APIVersion != apiVersion || m.Kind != kind {
		t.Errorf("%s is a %s of %s, want %s of %s", name, m.Kind, m.APIVersion, kind, apiVersion)
	}
	return m
}

func serviceAccount(t *testing.T) object[empty] {
	t.Helper()
	return manifest[empty](t, "serviceaccount.yaml", "v1", "ServiceAccount")
}

func statefulSet(t *testing.T) object[statefulSetSpec] {
	t.Helper()
	return manifest[statefulSetSpec](t, "statefulset.yaml", "apps/v1", "StatefulSet")
}

// TestManifestsHaveNoFieldThatKubernetesLacks: all of them are read strictly.
func TestManifestsHaveNoFieldThatKubernetesLacks(t *testing.T) {
	t.Parallel()
	set, service := statefulSet(t), manifest[serviceSpec](t, "service.yaml", "v1", "Service")
	network := manifest[networkPolicySpec](t, "networkpolicy.yaml", "networking.k8s.io/v1", "NetworkPolicy")
	budget := manifest[budgetSpec](t, "poddisruptionbudget.yaml", "policy/v1", "PodDisruptionBudget")
	account, secret := serviceAccount(t), manifest[empty](t, "secret.example.yaml", "v1", "Secret")
	namespace := manifest[empty](t, "namespace.yaml", "v1", "Namespace")
	labels := set.Spec.Template.Metadata.Labels
	for what, selector := range map[string]map[string]string{"set": set.Spec.Selector.MatchLabels, "service": service.Spec.Selector,
		"network policy": network.Spec.PodSelector.MatchLabels, "budget": budget.Spec.Selector.MatchLabels} {
		if !reflect.DeepEqual(selector, labels) || len(labels) == 0 {
			t.Errorf("the %s selects %v, pods have %v", what, selector, labels)
		}
	}
	pod := set.Spec.Template.Spec
	if set.Spec.Replicas != 2 || set.Spec.ServiceName != service.Metadata.Name || pod.ServiceAccountName != account.Metadata.Name {
		t.Errorf("%d replicas, service %s, account %s", set.Spec.Replicas, set.Spec.ServiceName, pod.ServiceAccountName)
	}
	if account.AutomountServiceAccountToken == nil || *account.AutomountServiceAccountToken || *pod.AutomountServiceAccountToken || *pod.EnableServiceLinks {
		t.Error("pods get a token of Kubernetes, or the names of all services")
	}
	if namespace.Metadata.Labels["pod-security.kubernetes.io/enforce"] != "restricted" || secret.Metadata.Namespace != namespace.Metadata.Name {
		t.Errorf("%v", namespace.Metadata)
	}
	for name := range secret.StringData {
		if strings.Contains(secret.StringData[name], "\n") {
			t.Errorf("the example has a real %s", name)
		}
	}
}

// TestStrictReadingIsStrict: a misspelt field would otherwise be none.
func TestStrictReadingIsStrict(t *testing.T) {
	t.Parallel()
	text := read(t, "kubernetes/statefulset.yaml")
	for _, name := range []string{"readOnlyRootFilesystem", "readinessProbe", "automountServiceAccountToken", "fieldPath", "defaultMode", "serviceName"} {
		decoder := yaml.NewDecoder(strings.NewReader(strings.Replace(text, name+":", name+"s:", 1)))
		decoder.KnownFields(true)
		var m object[statefulSetSpec]
		if err := decoder.Decode(&m); err == nil || !strings.Contains(err.Error(), name+"s") {
			t.Errorf("%ss: %v", name, err)
		}
	}
}

// TestPodsAreRestricted, as the pod security standard of that name wants it.
func TestPodsAreRestricted(t *testing.T) {
	t.Parallel()
	pod := statefulSet(t).Spec.Template.Spec
	if s := pod.SecurityContext; !s.RunAsNonRoot || s.RunAsUser != 65532 || s.SeccompProfile.Type != "RuntimeDefault" {
		t.Errorf("the pod: %+v", s)
	}
	if user := all(containerfile(t), "USER"); !slices.Equal(user, []string{"65532:65532"}) {
		t.Errorf("the image's user is %q, the pod's 65532", user)
	}
	for _, c := range pod.Containers {
		s := c.SecurityContext
		if s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation || !s.ReadOnlyRootFilesystem || !slices.Equal(s.Capabilities.Drop, []string{"ALL"}) || s.Capabilities.Add != nil {
			t.Errorf("%s: %+v", c.Name, s)
		}
		if c.Resources.Limits["memory"] == "" || c.Resources.Requests["cpu"] == "" {
			t.Errorf("%s may use up the machine", c.Name)
		}
	}
}

// TestPodsRunWhatTheProgramKnows: the configuration goes through the program's own
// loader with the variables of each pod.
func TestPodsRunWhatTheProgramKnows(t *testing.T) {
	t.Parallel()
	set := statefulSet(t)
	container := set.Spec.Template.Spec.Containers[0]
	mounts := map[string]string{}
	for _, m := range container.VolumeMounts {
		mounts[m.Name] = m.MountPath
		if !m.ReadOnly {
			t.Errorf("%s can be written to", m.MountPath)
		}
	}
	names := map[string]bool{}
	for _, pod := range []string{set.Metadata.Name + "-0", set.Metadata.Name + "-1"} {
		var env []string
		for _, e := range container.Env {
			value := e.Value
			if e.ValueFrom != nil && e.ValueFrom.FieldRef.FieldPath == "metadata.name" {
				value = pod
			}
			if e.Name == config.FileVariable && filepath.Dir(value) != mounts["config"] {
				t.Errorf("the configuration is in %s, and looked for as %s", mounts["config"], value)
			}
			env = append(env, e.Name+"="+value)
		}
		c, err := config.Load("kubernetes/broker.yaml", env)
		if err != nil {
			t.Fatal(err)
		}
		names[c.MQTT.ClientID] = true
		if !brokerMayConnect(t, c.MQTT.ClientID) {
			t.Errorf("the broker's policy does not let in %s", c.MQTT.ClientID)
		}
		if filepath.Dir(c.MQTT.Key) != mounts["keys"] || filepath.Dir(c.MQTT.Cert) != mounts["keys"] || c.Audit.File != "-" {
			t.Errorf("keys are mounted at %s, looked for as %s; audit %s", mounts["keys"], c.MQTT.Key, c.Audit.File)
		}
		if !strings.HasSuffix(string(c.HTTP.Listen), ":9464") || container.Ports[0].ContainerPort != 9464 {
			t.Errorf("it listens at %s, the port is %d", c.HTTP.Listen, container.Ports[0].ContainerPort)
		}
	}
	if len(names) != 2 {
		t.Errorf("two pods are %v at the MQTT server: they would throw each other out", names)
	}
	for path, probe := range map[string]*probe{"/healthz": container.LivenessProbe, "/readyz": container.ReadinessProbe} {
		if probe == nil || probe.HTTPGet.Path != path || probe.HTTPGet.Port != container.Ports[0].Name {
			t.Errorf("%s is not asked: %+v", path, probe)
		}
	}
}

func brokerMayConnect(t *testing.T, clientID string) bool {
	t.Helper()
	text, err := templates.Render("broker", templates.Values{Account: "123456789012", Region: "eu-central-1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := policies.Parse("broker.json", text); err != nil {
		t.Fatal(err)
	}
	prefix := ":client/" + templates.Values{}.Get("broker") + "-"
	return bytes.Contains(text, []byte(prefix+`*"`)) && strings.HasPrefix(clientID, templates.Values{}.Get("broker")+"-")
}

// TestTheRoleOfPodsIsOurs: its name is the documents', and its trust names this
// account of pods and no other.
func TestTheRoleOfPodsIsOurs(t *testing.T) {
	t.Parallel()
	account := serviceAccount(t)
	role := account.Metadata.Annotations["eks.amazonaws.com/role-arn"]
	if want := "role/" + (templates.Values{}).Get("presign-role"); !strings.HasSuffix(role, ":"+want) {
		t.Errorf("the role is %s, want …:%s", role, want)
	}
	var trust struct {
		Statement []struct {
			Condition map[string]map[string]string
		}
	}
	if err := json.Unmarshal([]byte(read(t, "kubernetes/role-trust.json")), &trust); err != nil || len(trust.Statement) != 1 {
		t.Fatalf("%v: %d statements", err, len(trust.Statement))
	}
	subject := ""
	for name, value := range trust.Statement[0].Condition["StringEquals"] {
		if strings.HasSuffix(name, ":sub") {
			subject = value
		}
	}
	if subject != "system:serviceaccount:thingpass:"+account.Metadata.Name {
		t.Errorf("the role trusts %q", subject)
	}
	out, err := exec.CommandContext(t.Context(), program(t), "policy", "lint", "kubernetes/role-trust.json", "--as", "trust", "--fail-on", "warning").CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// TestNothingElseGoesOut: the network policy lets the broker reach what it needs.
func TestNothingElseGoesOut(t *testing.T) {
	t.Parallel()
	spec := manifest[networkPolicySpec](t, "networkpolicy.yaml", "networking.k8s.io/v1", "NetworkPolicy").Spec
	out, in := map[int]bool{}, map[int]bool{}
	for _, rule := range spec.Egress {
		for _, p := range rule.Ports {
			out[p.Port] = true
		}
		for _, to := range rule.To {
			if to.IPBlock != nil && !slices.Contains(to.IPBlock.Except, "169.254.0.0/16") {
				t.Error("the machine's metadata can be asked: its role is another")
			}
		}
	}
	for _, rule := range spec.Ingress {
		for _, p := range rule.Ports {
			in[p.Port] = true
		}
	}
	if !reflect.DeepEqual(out, map[int]bool{53: true, 443: true, 8883: true}) || !reflect.DeepEqual(in, map[int]bool{9464: true}) || !slices.Equal(spec.PolicyTypes, []string{"Ingress", "Egress"}) {
		t.Errorf("in %v, out %v, %v", in, out, spec.PolicyTypes)
	}
}

// TestKustomizeBuilds, where kubectl is: every file is in it, with its namespace,
// and the configuration has a name that changes with it.
func TestKustomizeBuilds(t *testing.T) {
	t.Parallel()
	kubectl := need(t, "kubectl", "the other tests read the files as they are")
	out, err := exec.CommandContext(t.Context(), kubectl, "kustomize", "kubernetes").Output()
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]string{}
	decoder := yaml.NewDecoder(bytes.NewReader(out))
	for {
		var m struct {
			Kind     string
			Metadata struct{ Name, Namespace string }
		}
		if decoder.Decode(&m) != nil {
			break
		}
		kinds[m.Kind] = m.Metadata.Name
		if m.Metadata.Namespace != "thingpass" && m.Kind != "Namespace" {
			t.Errorf("%s is in namespace %q", m.Kind, m.Metadata.Namespace)
		}
	}
	for _, kind := range []string{"Namespace", "ServiceAccount", "Service", "StatefulSet", "NetworkPolicy", "PodDisruptionBudget"} {
		if kinds[kind] == "" {
			t.Errorf("there is no %s", kind)
		}
	}
	name := kinds["ConfigMap"]
	if !strings.HasPrefix(name, "thingpass-") || !strings.Contains(string(out), "configMap:\n          name: "+name) {
		t.Errorf("the configuration is %q, which pods do not name", name)
	}
	if !strings.Contains(string(out), "image: registry.example.com/thingpass:v1") {
		t.Error("the image is not replaced")
	}
}
