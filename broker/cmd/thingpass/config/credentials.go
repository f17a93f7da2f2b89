// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"net"
	"net/url"
	"strconv"
	"time"

	"thingpass/broker"
	"thingpass/broker/awss3"
	"thingpass/broker/credprovider"
	"thingpass/broker/presign"
)

// Credentials says which temporary credentials things get when they ask for
// some: none, unless RoleARN or Provider is set.
type Credentials struct {
	RoleARN     string           `mapstructure:"role_arn"` // empty: no sessions
	Duration    time.Duration    `mapstructure:"duration"`
	Access      string           `mapstructure:"access"`       // see awss3.Access
	STSEndpoint string           `mapstructure:"sts_endpoint"` // empty: AWS's in s3.region
	Provider    ProviderPointers `mapstructure:"provider"`
}

// ProviderPointers says where things get credentials with their certificates.
type ProviderPointers struct {
	Endpoint  string `mapstructure:"endpoint"` // empty: no pointer
	RoleAlias string `mapstructure:"role_alias"`
}

// CredentialProvider says where the broker's own provider listens: nowhere,
// unless Listen is set.
type CredentialProvider struct {
	Listen      string   `mapstructure:"listen"`
	Cert        string   `mapstructure:"cert"`
	Key         string   `mapstructure:"key"`
	ClientCA    string   `mapstructure:"client_ca"`
	RoleAliases []string `mapstructure:"role_aliases"`
}

// Offered reports whether a credentials-request is answered at all.
func (c Credentials) Offered() bool { return c.RoleARN != "" || c.Provider.Endpoint != "" }

// Session is how sessions are made.
func (c Credentials) Session() awss3.SessionConfig {
	return awss3.SessionConfig{RoleARN: c.RoleARN, Duration: c.Duration, Access: awss3.Access(c.Access), Endpoint: c.STSEndpoint}
}

// Pointer is what things are pointed at, or nil.
func (p ProviderPointers) Pointer() *broker.Provider {
	if p.Endpoint == "" {
		return nil
	}
	return &broker.Provider{Endpoint: p.Endpoint, RoleAlias: p.RoleAlias}
}

func (l *loader) judgeCredentials(c *Config) {
	const role = "arn:aws:iam::123456789012:role/thingpass"
	for setting, alone := range map[string]awss3.SessionConfig{
		"duration":     {RoleARN: role, Duration: c.Credentials.Duration},
		"access":       {RoleARN: role, Access: awss3.Access(c.Credentials.Access)},
		"sts_endpoint": {RoleARN: role, Endpoint: c.Credentials.STSEndpoint},
	} {
		err := alone.Check()
		if setting == "sts_endpoint" {
			err = inner(err)
		}
		l.accept("credentials."+setting, err)
	}
	switch sessions := c.Credentials.RoleARN != ""; {
	case sessions:
		l.accept("credentials.role_arn", awss3.CheckRoleARN(c.Credentials.RoleARN))
		if c.S3.Endpoint != "" {
			l.require("credentials.sts_endpoint", c.Credentials.STSEndpoint, ": without it sessions would be AWS's, and s3.endpoint is not AWS")
		}
	case c.Credentials.STSEndpoint != "":
		l.blame("credentials.sts_endpoint", "credentials.sts_endpoint is given without credentials.role_arn: want both")
	}
	l.judgePointers(c.Credentials.Provider)
	if l.serverless && c.CredentialProvider.Listen != "" {
		l.blame("credential_provider", "credential_provider: a function cannot listen; point things at AWS IoT's with credentials.provider")
	}
	l.judgeProvider(c.CredentialProvider, c.Credentials.RoleARN)
}

func (l *loader) judgePointers(p ProviderPointers) {
	switch {
	case p.Endpoint == "" && p.RoleAlias == "":
		return
	case p.Endpoint == "":
		l.blame("credentials.provider.role_alias", "credentials.provider.role_alias is given without credentials.provider.endpoint: want both")
		return
	case p.RoleAlias == "":
		l.blame("credentials.provider.endpoint", "credentials.provider.endpoint is given without credentials.provider.role_alias: want both")
		return
	}
	l.accept("credentials.provider.role_alias", credprovider.CheckRoleAlias(p.RoleAlias))
	_, err := presign.NewEndpoint(p.Endpoint, "bucket", "region", true)
	l.accept("credentials.provider.endpoint", inner(err))
	u, err := url.Parse(p.Endpoint)
	switch {
	case err != nil:
	case u.Scheme != "https":
		l.blame("credentials.provider.endpoint", "credentials.provider.endpoint has no TLS, by which a provider knows things: write https://")
	case u.Path != "":
		l.blame("credentials.provider.endpoint", "credentials.provider.endpoint ends with a slash: things append one, write %s://%s", u.Scheme, u.Host)
	}
}

func (l *loader) judgeProvider(p CredentialProvider, role string) {
	const section = "credential_provider."
	if p.Listen == "" && p.Cert == "" && p.Key == "" && p.ClientCA == "" {
		return
	}
	l.require(section+"listen", p.Listen, ": an address such as :8444")
	l.require(section+"cert", p.Cert, ": things know the provider by its certificate")
	l.require(section+"key", p.Key, "")
	l.require(section+"client_ca", p.ClientCA, ": the provider knows things by their certificates")
	l.require("credentials.role_arn", role, ": without a role there are no sessions for credential_provider to give")
	if p.Listen != "" {
		l.accept(section+"listen", checkListen(p.Listen))
	}
	if len(p.RoleAliases) == 0 {
		l.blame(section+"role_aliases", section+"role_aliases is empty: nobody could ask for anything")
	}
	for _, alias := range p.RoleAliases {
		l.accept(section+"role_aliases", credprovider.CheckRoleAlias(alias))
	}
}

func checkListen(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return errors.New("want host:port or :port, such as :8444")
	}
	return nil
}
