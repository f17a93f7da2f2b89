module thingpass

go 1.26.0

require (
	github.com/aws/aws-lambda-go v1.55.1 // Lambda's runtime API (broker/cmd/thingpass-lambda)
	github.com/aws/aws-sdk-go-v2 v1.47.7 // credentials and HEAD (broker/awss3)
	github.com/aws/aws-sdk-go-v2/config v1.33.15 // AWS's default credential chain
	github.com/aws/aws-sdk-go-v2/credentials v1.20.15 // tests of signing
	github.com/aws/aws-sdk-go-v2/service/iot v1.75.0 // policies and things at AWS (policies/awsiot)
	github.com/aws/aws-sdk-go-v2/service/iotdataplane v1.40.0 // Publish without MQTT (broker/iotrule)
	github.com/aws/aws-sdk-go-v2/service/s3 v1.114.8 // HEAD; the judge of broker/presign
	github.com/aws/aws-sdk-go-v2/service/sqs v1.52.10 // the bucket's events (broker/sqsevents)
	github.com/aws/aws-sdk-go-v2/service/sts v1.51.8 // sessions of things (broker/awss3)
	github.com/aws/smithy-go v1.28.8 // what the SDK's errors are made of
	github.com/chromedp/cdproto v0.159.0 // what chromedp's messages are made of (broker/internal/testbrowser)
	github.com/chromedp/chromedp v0.23.0 // drives Chromium in tests (broker/console/pages)
	github.com/coder/websocket v1.8.15 // MQTT over WebSocket (broker/mqttconn)
	github.com/coreos/go-oidc/v3 v3.21.0 // ID tokens (broker/console/access)
	github.com/eclipse/paho.golang v0.23.0 // MQTT 5 (broker/mqttconn)
	github.com/mattn/go-isatty v0.0.24 // is it a terminal? (broker/cmd/thingpass/terminal)
	github.com/mochi-mqtt/server/v2 v2.7.9 // the dev stack's MQTT server; not linked into thingpass
	github.com/prometheus/client_golang v1.25.0 // metrics (broker/console)
	github.com/redis/go-redis/v9 v9.23.0 // quotas that brokers share (broker/quota)
	github.com/spf13/cobra v1.10.2 // commands and their help
	github.com/spf13/pflag v1.0.10 // cobra's flags (broker/cmd/thingpass)
	github.com/spf13/viper v1.21.0 // configuration from file and environment
	github.com/versity/versitygw v1.8.0 // the dev stack's S3; not linked into thingpass
	go.yaml.in/yaml/v3 v3.0.5 // lines of settings, for messages
	golang.org/x/crypto v0.58.0 // argon2id for passwords (broker/console/access)
	golang.org/x/image v0.48.0 // scaling and WebP, for thumbnails (broker/console/thumbs)
	golang.org/x/oauth2 v0.38.0 // authorization code and PKCE (broker/console/access)
	golang.org/x/sys v0.50.0 // passwords that are not shown while they are typed (broker/cmd/thingpass)
)

require (
	github.com/Azure/go-ntlmssp v0.1.1 // indirect
	github.com/BurntSushi/toml v1.4.1-0.20240526193622-a339e1f7089c // indirect
	github.com/DataDog/datadog-go/v5 v5.9.1 // indirect
	github.com/Microsoft/go-winio v0.6.2 // indirect
	github.com/andybalholm/brotli v1.2.3 // indirect
	github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream v1.7.26 // indirect
	github.com/aws/aws-sdk-go-v2/feature/ec2/imds v1.20.7 // indirect
	github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager v0.4.1 // indirect
	github.com/aws/aws-sdk-go-v2/internal/configsources v1.5.10 // indirect
	github.com/aws/aws-sdk-go-v2/internal/endpoints/v2 v2.8.10 // indirect
	github.com/aws/aws-sdk-go-v2/internal/v4a v1.5.10 // indirect
	github.com/aws/aws-sdk-go-v2/service/internal/accept-encoding v1.13.24 // indirect
	github.com/aws/aws-sdk-go-v2/service/internal/checksum v1.11.11 // indirect
	github.com/aws/aws-sdk-go-v2/service/internal/presigned-url v1.14.10 // indirect
	github.com/aws/aws-sdk-go-v2/service/internal/s3shared v1.20.10 // indirect
	github.com/aws/aws-sdk-go-v2/service/signin v1.12.3 // indirect
	github.com/aws/aws-sdk-go-v2/service/sso v1.39.3 // indirect
	github.com/aws/aws-sdk-go-v2/service/ssooidc v1.44.3 // indirect
	github.com/beorn7/perks v1.0.1 // indirect
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/cpuguy83/go-md2man/v2 v2.0.7 // indirect
	github.com/davecgh/go-spew v1.1.1 // indirect
	github.com/fsnotify/fsnotify v1.9.0 // indirect
	github.com/go-asn1-ber/asn1-ber v1.5.8 // indirect
	github.com/go-jose/go-jose/v4 v4.1.9 // indirect
	github.com/go-json-experiment/json v0.0.0-20260213210345-44df1a37e875 // indirect
	github.com/go-ldap/ldap/v3 v3.4.14 // indirect
	github.com/go-viper/mapstructure/v2 v2.4.0 // indirect
	github.com/gofiber/fiber/v3 v3.5.0 // indirect
	github.com/gofiber/schema v1.8.4 // indirect
	github.com/gofiber/utils/v2 v2.4.2 // indirect
	github.com/golang-jwt/jwt/v5 v5.3.1 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/gorilla/websocket v1.5.3 // indirect
	github.com/hashicorp/go-cleanhttp v0.5.2 // indirect
	github.com/hashicorp/go-retryablehttp v0.7.8 // indirect
	github.com/hashicorp/go-rootcerts v1.0.2 // indirect
	github.com/hashicorp/go-secure-stdlib/strutil v0.1.2 // indirect
	github.com/hashicorp/vault-client-go v0.4.3 // indirect
	github.com/inconshreveable/mousetrap v1.1.0 // indirect
	github.com/klauspost/compress v1.20.1 // indirect
	github.com/klauspost/cpuid/v2 v2.4.0 // indirect
	github.com/mattn/go-colorable v0.1.15 // indirect
	github.com/mitchellh/go-homedir v1.1.0 // indirect
	github.com/munnerz/goautoneg v0.0.0-20191010083416-a7dc8b61c822 // indirect
	github.com/nats-io/nats.go v1.53.1 // indirect
	github.com/nats-io/nkeys v0.4.16 // indirect
	github.com/nats-io/nuid v1.0.1 // indirect
	github.com/oklog/ulid/v2 v2.1.2 // indirect
	github.com/pelletier/go-toml/v2 v2.2.4 // indirect
	github.com/philhofer/fwd v1.2.0 // indirect
	github.com/pierrec/lz4/v4 v4.1.29 // indirect
	github.com/pkg/xattr v0.4.12 // indirect
	github.com/prometheus/client_model v0.6.3 // indirect
	github.com/prometheus/common v0.72.0 // indirect
	github.com/prometheus/procfs v0.22.0 // indirect
	github.com/rabbitmq/amqp091-go v1.14.0 // indirect
	github.com/rs/xid v1.4.0 // indirect
	github.com/russross/blackfriday/v2 v2.1.0 // indirect
	github.com/ryanuber/go-glob v1.0.0 // indirect
	github.com/sagikazarmark/locafero v0.11.0 // indirect
	github.com/segmentio/kafka-go v0.4.51 // indirect
	github.com/smira/go-statsd v1.3.4 // indirect
	github.com/sourcegraph/conc v0.3.1-0.20240121214520-5f936abd7ae8 // indirect
	github.com/spf13/afero v1.15.0 // indirect
	github.com/spf13/cast v1.10.0 // indirect
	github.com/subosito/gotenv v1.6.0 // indirect
	github.com/tinylib/msgp v1.6.4 // indirect
	github.com/valyala/bytebufferpool v1.0.0 // indirect
	github.com/valyala/fasthttp v1.73.0 // indirect
	github.com/zeebo/xxh3 v1.1.0 // indirect
	go.uber.org/atomic v1.12.0 // indirect
	golang.org/x/exp/typeparams v0.0.0-20231108232855-2478ac86f678 // indirect
	golang.org/x/mod v0.42.0 // indirect
	golang.org/x/net v0.61.0 // indirect
	golang.org/x/sync v0.25.0 // indirect
	golang.org/x/telemetry v0.0.0-20261010193011-f71dc92da45e // indirect
	golang.org/x/text v0.44.0 // indirect
	golang.org/x/time v0.15.0 // indirect
	golang.org/x/tools v0.52.0 // indirect
	golang.org/x/vuln v1.9.0 // indirect
	google.golang.org/protobuf v1.36.12 // indirect
	honnef.co/go/tools v0.8.2 // indirect
)

tool (
	golang.org/x/vuln/cmd/govulncheck
	honnef.co/go/tools/cmd/staticcheck
)
