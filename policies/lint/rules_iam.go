// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"slices"
	"strconv"
	"strings"

	"thingpass/policies"
)

const signatureAge = `"Condition": {"NumericLessThanEquals": {"s3:signatureAge": "3600000"}}`

// iamRules are about what roles may do in S3.
func iamRules() []Rule {
	put := `{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::photos/`
	own := put + `${credentials-iot:ThingName}/*"}`
	return []Rule{
		{
			ID: "IAM002", Severity: Error, Title: "a thing's role that is not bound to its own keys",
			Why:    "All things have the same role: without ${credentials-iot:ThingName} and a / each can overwrite the objects of all.",
			Fix:    "Write arn:aws:s3:::<bucket>/${credentials-iot:ThingName}/*.",
			Source: "authorizing-direct-aws",
			Bad:    on(Credentials, put+`${credentials-iot:ThingName}*"}`), Good: on(Credentials, own),
			kinds: []Kind{Credentials}, check: othersKeys,
		},
		{
			ID: "IAM003", Severity: Error, Title: "a role that can delete, list or reconfigure where it only has to store",
			Why:    "What a stolen device or broker can do is what its role can: s3:* includes the bucket's own policy.",
			Fix:    "Allow s3:PutObject, s3:AbortMultipartUpload and s3:ListMultipartUploadParts; list with a condition on s3:prefix.",
			Source: "facts/aws.md; S3, access points and permissions",
			Bad:    on(Role, `{"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::photos/*"}`), Good: on(Role, put+`*"}`),
			kinds: []Kind{Role, Credentials, Session}, check: tooMuch,
		},
		{
			ID: "IAM004", Severity: Warning, Title: "signatures or credentials that live longer than they must",
			Why:    "A presigned URL works for whoever finds it, up to seven days. s3:signatureAge (milliseconds) is the only bound that a mistake in the signer cannot pass.",
			Fix:    "Deny by s3:signatureAge in the bucket policy; s3:authType narrows it to URLs. Let credentialDurationSeconds be 900 to 3600.",
			Source: "S3, bucket-policy-s3-sigv4-conditions; CreateRoleAlias",
			Bad:    on(Role, put+`*"}`),
			Good:   on(Role, put+`*", `+signatureAge[:len(signatureAge)-2]+`}}}`),
			kinds:  []Kind{Role, Alias, Bucket}, check: longLived, eased: (*run).bucketKnown,
		},
		{
			ID: "IAM005", Severity: Warning, Title: "nothing keeps an upload from overwriting an object",
			Why:    "A presigned PUT may be used again until it expires, and replaces what is there.",
			Fix:    "Let each object have a new key (as the broker does), or deny s3:PutObject where s3:if-none-match is missing.",
			Source: "S3, PresignedUrlUploadObject, conditional writes",
			Bad:    on(Role, put+`*"}`),
			Good:   on(Role, put+`*"}`).with("a configuration whose keys have an {id}", ownLayout),
			kinds:  []Kind{Role, Credentials}, check: overwrites,
			eased: func(r *run) bool { return r.opt.Keys != nil || r.guards(conditional) },
		},
		{
			ID: "IAM006", Severity: Error, Title: "any role, or anybody",
			Why:    "iam:PassRole or sts:AssumeRole on * reaches every role of the account, the administrator's too; a trust policy for * lets the world in.",
			Fix:    "Name the role, or the principal.",
			Source: "IAM, id_roles_use_passrole",
			Bad:    on(Role, `{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}`),
			Good:   on(Role, `{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "arn:aws:iam::123456789012:role/thingpass-things"}`),
			kinds:  []Kind{Role, Credentials, Trust}, check: anyRole,
		},
		{
			ID: "IAM007", Severity: Warning, Title: "a session policy that is wider than one thing, or nearly too large",
			Why:    "The session policy is all that keeps a thing's temporary credentials to its own keys. STS packs it, and refuses what is too large when a thing asks.",
			Fix:    "Let the key begin with the thing's name and a /; keep it below 1,600 characters.",
			Source: "STS, AssumeRole (PackedPolicySize)",
			Bad:    on(Session, put+`*"}`), Good: on(Session, put+`cam1/*"}`),
			kinds: []Kind{Session}, check: wideSession,
		},
		{
			ID: "S3004", Severity: Error, Title: "the policy's keys are not where the broker stores",
			Why:    "The broker signs keys by its configuration. What the role does not cover, S3 refuses with 403, at the thing.",
			Fix:    "Render policy and configuration from the same values.",
			Source: "broker/PROTOCOL.md, section 3",
			Bad:    on(Role, put+`uploads/*"}`).with("a configuration with {thing}/{kind}/{id}.{ext} in bucket photos", ownLayout),
			Good:   on(Role, put+`*"}`).with("a configuration with {thing}/{kind}/{id}.{ext} in bucket photos", ownLayout),
			needs:  "config", kinds: []Kind{Role, Credentials}, check: otherKeys,
		},
	}
}

func ownLayout(o *Options) {
	o.Keys = &Keys{Source: "broker.yaml", Bucket: "photos", Kinds: []KeyKind{{Name: "photo", Layout: "{thing}/{kind}/{id}.{ext}", Put: true}}}
}

// object is bucket and key of a resource of S3; the key is "" for the bucket.
func (r resource) object() (bucket, key string, ok bool) {
	if r.arn == nil && r.kind == "*" {
		return "*", "*", true
	}
	bucket, key, _ = strings.Cut(r.name, "/")
	return bucket, key, r.service() == "s3"
}

// speaks is true if the statement covers one of the actions, in whatever case and
// by whatever wildcard.
func (s *statement) speaks(actions ...string) bool {
	return slices.ContainsFunc(actions, func(name string) bool {
		return slices.ContainsFunc(s.actions, func(a action) bool { return a.names(name) }) != s.NotAction
	})
}

func (a action) names(name string) bool {
	return strings.EqualFold(name, a.Value) || strings.ContainsAny(a.Value, "*?") && covers(newPattern(strings.ToLower(name)), a.pat)
}

var objectActions = []string{"s3:PutObject", "s3:GetObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"}

// objects calls f for each resource with keys on which a statement allows one of
// the actions.
func (p *pass) objects(f func(*statement, resource, string, string), actions ...string) {
	for i := range p.statements {
		s := &p.statements[i]
		if !s.allow || !s.speaks(actions...) {
			continue
		}
		for _, r := range s.resources {
			if bucket, key, ok := r.object(); ok && key != "" {
				f(s, r, bucket, key)
			}
		}
	}
}

func othersKeys(p *pass) {
	p.objects(func(s *statement, r resource, bucket, key string) {
		bound := slices.IndexFunc(r.uses, func(u use) bool {
			lower := strings.ToLower(u.key)
			return lower == "credentials-iot:thingname" || strings.HasPrefix(lower, "aws:principaltag/")
		})
		partition := "aws"
		if r.arn != nil {
			partition = r.arn[0]
		}
		fix := "write arn:" + partition + ":s3:::" + bucket + "/${credentials-iot:ThingName}/*"
		switch pat := newPattern(key); {
		case bound < 0:
			p.find(Error, s, r.Text, fix, "no part of the key is the thing's own: each thing reaches the objects of all")
		case openEnd(pat) > 0 || pat[len(pat)-1].variable != "":
			p.find(Error, s, r.Text, fix, "the name is not followed by /: thing esp-1 reaches what belongs to esp-10")
		}
	}, objectActions...)
}

// grave are actions that whoever only stores objects must not have.
var grave = []string{"s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObjectAcl", "s3:BypassGovernanceRetention",
	"s3:PutBucketPolicy", "s3:DeleteBucketPolicy", "s3:PutBucketAcl", "s3:PutBucketCORS", "s3:PutBucketNotification", "s3:PutBucketVersioning",
	"s3:PutLifecycleConfiguration", "s3:PutEncryptionConfiguration", "s3:PutReplicationConfiguration", "s3:PutBucketPublicAccessBlock",
	"s3:PutBucketOwnershipControls", "s3:PutBucketWebsite", "s3:PutBucketLogging", "s3:PutBucketTagging", "s3:DeleteBucket", "s3:CreateBucket"}

func tooMuch(p *pass) {
	for i := range p.statements {
		s := &p.statements[i]
		if !s.allow {
			continue
		}
		for _, a := range s.actions {
			p.judgeS3(s, a)
		}
	}
}

// keepsHouse tells whether a statement is only about what the broker's console keeps
// of its own: below a folder that no thing is called, so that nothing a thing has
// stored can go.
func (s *statement) keepsHouse() bool {
	for _, r := range s.resources {
		_, key, _ := strings.Cut(r.name, "/")
		if len(r.arn) == 0 || !strings.HasPrefix(key, ".thingpass/") {
			return false
		}
	}
	return len(s.resources) > 0
}

func (p *pass) judgeS3(s *statement, a action) {
	if j := slices.IndexFunc(grave, a.names); j >= 0 && !(p.Kind == Role && strings.EqualFold(a.Value, "s3:DeleteObject") && s.keepsHouse()) {
		fix := "take it away"
		if strings.ContainsAny(a.Value, "*?") {
			fix = "name what is needed: s3:PutObject, s3:AbortMultipartUpload, s3:ListMultipartUploadParts"
		}
		p.find(Error, s, a.Text, fix, "storing objects needs no %s", grave[j])
		return
	}
	switch {
	case a.names("s3:ListBucket") && s.condition("s3:prefix") == nil:
		p.find(Error, s, a.Text, `add a condition on s3:prefix, such as "StringLike": {"s3:prefix": "${credentials-iot:ThingName}/*"}`, "s3:ListBucket without s3:prefix tells the names of all objects")
	case p.Kind != Role && a.names("s3:GetObject"):
		p.find(Error, s, a.Text, "take it away; what things fetch, the broker signs for them", "things store objects: with s3:GetObject a stolen one reads all that it ever stored")
	}
}

// guards are conditions of the bucket policies of the run.
func (r *run) guards(f func(*statement) bool) bool {
	for _, p := range r.passes {
		for i := range p.statements {
			if p.Kind == Bucket && !p.statements[i].allow && f(&p.statements[i]) {
				return true
			}
		}
	}
	return false
}

// bucketKnown is true if a bucket policy bounds the age of signatures.
func (r *run) bucketKnown() bool {
	return r.guards(func(s *statement) bool { return s.condition("s3:signatureAge") != nil })
}

const longestSignature = 7 * 24 * 3600 * 1000 // milliseconds, S3's own bound

func longLived(p *pass) {
	if p.Kind == Alias {
		p.judgeAlias()
		return
	}
	for i := range p.statements {
		s := &p.statements[i]
		if c := s.condition("s3:signatureAge"); c != nil {
			for _, v := range c.Values {
				if ms, err := strconv.Atoi(v.Value); err != nil || ms < 60_000 || ms > longestSignature {
					p.find(Warning, s, v, "write milliseconds: 3600000 is an hour", "s3:signatureAge is %s milliseconds: want a minute to seven days", v.Value)
				}
			}
			return
		}
	}
	if p.Kind != Role || p.run.bucketKnown() {
		return
	}
	p.objects(func(s *statement, r resource, _, _ string) {
		p.find(Warning, s, r.Text, "deny by it in the bucket policy, and lint that with this: thingpass policy lint FILE bucket-policy",
			"no s3:signatureAge, here or in a bucket policy beside it: what this role signs is good for up to seven days")
	}, "s3:PutObject")
}

func (p *pass) judgeAlias() {
	v, found := p.tree.Get("credentialDurationSeconds")
	if !found {
		return // an hour
	}
	n, err := strconv.Atoi(v.Text)
	about := policies.Text{Value: v.Text, Pos: v.Pos}
	switch {
	case err != nil || n < 900 || n > 43200:
		p.find(Warning, nil, about, "write 900 to 3600", "AWS takes 900 to 43200 seconds")
	case n > 3600:
		p.find(Warning, nil, about, "write 3600", "credentials of %d seconds outlive a revoked certificate by so much; and the role's own maximum must allow them", n)
	}
}

// conditional is true of a denial that keeps objects from being overwritten.
func conditional(s *statement) bool {
	return s.condition("s3:if-none-match") != nil && s.speaks("s3:PutObject")
}

func overwrites(p *pass) {
	unique := p.run.opt.Keys != nil && p.Kind == Role
	if unique {
		for _, k := range p.run.opt.Keys.Kinds {
			unique = unique && (!k.Put || strings.Contains(k.Layout, "{id}"))
		}
	}
	if unique || p.run.guards(conditional) {
		return
	}
	p.objects(func(s *statement, r resource, _, _ string) {
		if s.condition("s3:if-none-match") == nil {
			p.find(Warning, s, r.Text, "let each object have a new key, or deny s3:PutObject in the bucket policy where Null of s3:if-none-match is true",
				"an upload replaces what is there, as often as its signature is good")
		}
	}, "s3:PutObject")
}

func wideSession(p *pass) {
	p.objects(func(s *statement, r resource, bucket, key string) {
		first, rest, deeper := strings.Cut(key, "/")
		if strings.ContainsAny(first, "*?$") || !deeper || rest == "" {
			p.find(Warning, s, r.Text, "write …:"+bucket+"/<thing>/*", "the session reaches more than one thing's keys")
		}
	}, objectActions...)
	if p.doc.Size > 1600 {
		p.find(Warning, nil, p.start(), "leave out what the role does not allow anyway", "%d characters, STS takes 2048, and less if it packs badly", p.doc.Size)
	}
}

func anyRole(p *pass) {
	for i := range p.statements {
		s := &p.statements[i]
		if !s.allow {
			continue
		}
		for _, who := range s.Principals {
			if p.Kind == Trust && (who.Value == "*" || who.Value == "AWS:*") {
				p.find(Error, s, who, "name the role: arn:aws:iam::<account>:role/<name>", "anybody, of any account, may take this role")
			}
		}
		for _, r := range s.resources {
			if p.Kind != Trust && s.speaks("iam:PassRole", "sts:AssumeRole") && (r.kind == "*" || strings.HasSuffix(r.name, "role/*") || r.name == "*") {
				p.find(Error, s, r.Text, "name the role", "this covers every role of the account, the administrator's too")
			}
		}
	}
}
