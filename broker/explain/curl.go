// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package explain

import "strings"

var curlCommand = lazy(`(?m)(?:^|[$#>;&|(]\s*|\s)curl(?:\.exe)?\s+`)

// gatherCurl reads commands of curl. What `curl -v` sent says more than the
// command, so that a command is read only where no request is known.
func (e *evidence) gatherCurl() {
	if len(e.requests) > 0 {
		e.curlData(nil)
		return
	}
	for _, m := range curlCommand.FindAllStringIndex(e.text, maxRequests) {
		words := shellWords(e.text, m[1])
		if len(words) == 0 {
			continue
		}
		if r := e.curlRequest(words); r != nil {
			e.saw("curl command")
		}
	}
}

// curlData notes which request of curl -v had a body.
func (e *evidence) curlData([]word) {
	for _, r := range e.requests {
		if length, ok := r.header("content-length"); ok && atoi(length.value) > 0 {
			r.hasBody = true
		}
	}
}

// word is a word of a shell command, and where it begins.
type word struct {
	text string
	at   int
}

// shellWords splits the command at byte i as a POSIX shell does, up to its end.
func shellWords(text string, i int) []word {
	const maxWords, maxCommand = 100, 32 << 10
	var all []word
	var b strings.Builder
	start, quote := -1, byte(0)
	end := min(len(text), i+maxCommand)
	for ; i < end; i++ {
		c := text[i]
		if start < 0 && strings.IndexByte(" \t\r\n;|)", c) < 0 {
			start = i
		}
		switch {
		case quote == '\'' && c != '\'' || quote == '"' && c != '"' && c != '\\':
			b.WriteByte(c)
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
		case c == '\\' && i+1 < end:
			i++
			if start == i-1 && text[i] == '\n' {
				start = -1
			}
			b.WriteString(escaped(quote, text[i]))
		case strings.IndexByte(" \t\r\n;|)", c) >= 0:
			if start >= 0 {
				all = append(all, word{b.String(), start})
				b.Reset()
				start = -1
			}
			if c != ' ' && c != '\t' || len(all) >= maxWords {
				return all
			}
		default:
			b.WriteByte(c)
		}
	}
	if start >= 0 {
		all = append(all, word{b.String(), start})
	}
	return all
}

// escaped is what a backslash and c mean.
func escaped(quote, c byte) string {
	switch {
	case c == '\n' || c == '\r':
		return ""
	case quote == '"' && strings.IndexByte(`"\$`+"`", c) < 0:
		return `\` + string(c)
	}
	return string(c)
}

// curl's options that take a value and matter, and those whose value does not.
const (
	curlMatters = "-X --request -H --header -d --data --data-binary --data-raw --data-urlencode -T --upload-file -F --form --url --cert -E --cacert -u --user --aws-sigv4"
	curlOthers  = "-o --output -A --user-agent -e --referer -x --proxy --resolve --connect-to --max-time -m --retry --key -w --write-out -b -c --ciphers --cert-type --limit-rate"
)

func (e *evidence) curlRequest(words []word) *request {
	c := curlParse{r: &request{how: "curl"}, e: e}
	for i := 0; i < len(words); i++ {
		w := words[i]
		name, value, joined := w.text, "", false
		if strings.HasPrefix(name, "--") {
			name, value, joined = strings.Cut(name, "=")
		} else if len(name) > 2 && name[0] == '-' && strings.IndexByte("XHdTFEuo", name[1]) >= 0 {
			name, value, joined = name[:2], name[2:], true
		}
		switch {
		case hasWord(curlMatters, name) || hasWord(curlOthers, name):
			at := w.at + len(w.text) - len(value)
			if !joined && i+1 < len(words) {
				i++
				value, at = words[i].text, words[i].at
			}
			c.option(name, value, at)
		case name == "-I" || name == "--head":
			c.r.method = "HEAD"
		case name == "-G" || name == "--get":
			c.get = true
		case !strings.HasPrefix(name, "-") && c.r.target == "":
			c.r.target, c.r.at = w.text, w.at
		}
	}
	return c.finish()
}

func hasWord(list, name string) bool {
	return name != "" && strings.Contains(" "+list+" ", " "+name+" ")
}

// curlParse is a command on its way to a request.
type curlParse struct {
	e                  *evidence
	r                  *request
	data, upload, form bool
	get                bool
	fields             []field
}

func (c *curlParse) option(name, value string, at int) {
	switch name {
	case "-X", "--request":
		c.r.method = strings.ToUpper(value)
	case "-H", "--header":
		if m := headerLine.FindStringSubmatchIndex(value); m != nil {
			c.r.headers = append(c.r.headers, newField(line{text: value, at: at}, m))
		}
	case "-d", "--data", "--data-binary", "--data-raw", "--data-urlencode":
		c.data = true
	case "-T", "--upload-file":
		c.upload = true
	case "-F", "--form":
		c.form = true
		field, v, _ := strings.Cut(value, "=")
		c.fields = append(c.fields, newFormField(field, v, at))
	case "--url":
		c.r.target, c.r.at = value, at
	case "-E", "--cert":
		c.r.headers = append(c.r.headers, field{"-client-certificate", "--cert", at})
	case "-u", "--user":
		c.e.hide(value)
		if _, password, ok := strings.Cut(value, ":"); ok {
			c.e.hide(password)
		}
	}
}

func (c *curlParse) finish() *request {
	r := c.r
	if !strings.Contains(r.target, "://") && !strings.Contains(r.target, ".") {
		return nil
	}
	r.hasBody = c.data || c.upload || c.form
	switch {
	case r.method != "":
	case c.form || c.data && !c.get:
		r.method = "POST"
	case c.upload:
		r.method = "PUT"
	default:
		r.method = "GET"
	}
	if _, ok := r.header("content-type"); !ok && c.data && !c.get {
		r.headers = append(r.headers, field{"Content-Type", "application/x-www-form-urlencoded", r.at})
	}
	if c.form {
		c.e.forms = append(c.e.forms, &form{url: r.target, at: r.at, fields: c.fields})
	}
	if !strings.Contains(r.target, "://") {
		r.target = "http://" + r.target
	}
	c.e.finish(r)
	return r
}
