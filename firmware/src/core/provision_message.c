// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "provision_message.h"

#include <stddef.h>
#include <string.h>

#include "json.h"

void thingpass_put_provision_topic(struct thingpass_writer *w,
                                   enum thingpass_provision_question question,
                                   const char *template_name) {
    if (question == THINGPASS_CERTIFY) {
        thingpass_put_text(w, "$aws/certificates/create-from-csr/json");
        return;
    }
    thingpass_put_text(w, "$aws/provisioning-templates/");
    thingpass_put_text(w, template_name);
    thingpass_put_text(w, "/provision/json");
}

void thingpass_provision_reply_topic(unsigned n, const char *template_name,
                                     char buf[THINGPASS_TOPIC_MAX + 1]) {
    struct thingpass_writer w = {buf, THINGPASS_TOPIC_MAX, 0};
    thingpass_put_provision_topic(&w, (enum thingpass_provision_question)(n / 2), template_name);
    thingpass_put_text(&w, n % 2 == 0 ? "/accepted" : "/rejected");
    buf[w.len] = '\0'; // a template's name is short
}

void thingpass_put_csr(struct thingpass_writer *w, struct thingpass_span pem) {
    thingpass_put_text(w, "{\"certificateSigningRequest\":");
    thingpass_put_json(w, pem);
    thingpass_put_text(w, "}");
}

void thingpass_put_registration(struct thingpass_writer *w, struct thingpass_span token,
                                const struct thingpass_provision_config *config) {
    thingpass_put_text(w, "{\"certificateOwnershipToken\":");
    thingpass_put_json(w, token);
    thingpass_put_text(w, ",\"parameters\":{");
    for (size_t i = 0; i < config->parameter_count; i++) {
        thingpass_put_text(w, i > 0 ? "," : "");
        thingpass_put_json(w, thingpass_span_of(config->parameters[i].name));
        thingpass_put_text(w, ":");
        thingpass_put_json(w, thingpass_span_of(config->parameters[i].value));
    }
    thingpass_put_text(w, "}}");
}

static int parse(struct thingpass_json *json, const struct thingpass_provision_answer *answer) {
    return thingpass_json_parse(json, answer->text, answer->len, answer->memory,
                                answer->memory_size);
}

static bool begins(struct thingpass_span s, const char *text) {
    size_t n = strlen(text);
    return s.n >= n && memcmp(s.p, text, n) == 0;
}

// Whether s could be certificates in PEM.
static bool is_pem(struct thingpass_span s) {
    static const char begin[] = "-----BEGIN CERTIFICATE-----\n";
    static const char end[] = "\n-----END CERTIFICATE-----";
    enum { end_len = sizeof end - 1 };
    while (s.n > 0 && s.p[s.n - 1] == '\n') {
        s.n--;
    }
    if (!begins(s, begin) || s.n < sizeof begin + end_len) {
        return false;
    }
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '\n' && !thingpass_is(s.p[i], THINGPASS_PRINT)) {
            return false;
        }
    }
    return memcmp(s.p + s.n - end_len, end, end_len) == 0;
}

static bool is_hex(struct thingpass_span s) {
    for (size_t i = 0; i < s.n; i++) {
        if (thingpass_hex_value(s.p[i]) < 0) {
            return false;
        }
    }
    return s.n > 0 && s.n <= THINGPASS_CERTIFICATE_ID_MAX;
}

struct certificate {
    struct thingpass_span id, pem, token;
};

#define FIELD(name, type, optional, member)                                                        \
    { name, THINGPASS_JSON_##type, optional, member }

int thingpass_read_certificate(const struct thingpass_provision_answer *answer,
                               struct thingpass_provision *p) {
    static const struct thingpass_json_field fields[] = {
        FIELD("certificateId", STRING, false, offsetof(struct certificate, id)),
        FIELD("certificatePem", STRING, false, offsetof(struct certificate, pem)),
        FIELD("certificateOwnershipToken", STRING, false, offsetof(struct certificate, token)),
    };
    struct thingpass_json json;
    struct certificate c;
    int err = parse(&json, answer);
    if (err < 0) {
        return err;
    }
    err = thingpass_json_read(&json, 0, fields, sizeof fields / sizeof *fields, &c);
    if (err < 0 || !is_hex(c.id) || !is_pem(c.pem) ||
        !thingpass_span_all(c.token, SIZE_MAX, THINGPASS_PRINT)) {
        return THINGPASS_EREPLY;
    }
    thingpass_copy_cut(p->result.certificate_id, sizeof p->result.certificate_id, c.id);
    p->pem = c.pem;
    p->token = c.token;
    return THINGPASS_OK;
}

// Hands the texts of deviceConfiguration on. Behind each is room for a NUL: the quote
// that ended it.
static void configure(struct thingpass_json *json,
                      const struct thingpass_provision_config *config) {
    int object = thingpass_json_find(json, 0, "deviceConfiguration");
    if (config->configure == NULL || object <= 0) {
        return;
    }
    for (int i = thingpass_json_first(json, object); i > 0; i = thingpass_json_next(json, i)) {
        if (thingpass_json_type(json, i) == THINGPASS_JSON_STRING &&
            thingpass_json_type(json, i + 1) == THINGPASS_JSON_STRING) {
            const struct thingpass_json_node *name = &json->nodes[i], *value = name + 1;
            json->text[name->start + name->len] = '\0';
            json->text[value->start + value->len] = '\0';
            config->configure(config->configure_ctx, json->text + name->start,
                              json->text + value->start);
        }
    }
}

int thingpass_read_registration(const struct thingpass_provision_answer *answer,
                                struct thingpass_provision *p) {
    struct thingpass_json json;
    struct thingpass_span thing;
    int err = parse(&json, answer);
    if (err < 0) {
        return err;
    }
    if (thingpass_json_string(&json, 0, "thingName", &thing) < 0 ||
        !thingpass_span_all(thing, THINGPASS_THING_MAX, THINGPASS_THING)) {
        return THINGPASS_EREPLY;
    }
    thingpass_copy_cut(p->result.thing, sizeof p->result.thing, thing);
    configure(&json, &p->config);
    return THINGPASS_OK;
}

struct refusal {
    uint64_t status;
    struct thingpass_span code;
};

static bool contains(struct thingpass_span s, const char *text) {
    for (; s.n > 0; s.p++, s.n--) {
        if (begins(s, text)) {
            return true;
        }
    }
    return false;
}

// AWS documents the form of a refusal, but not which codes there are: so the code is
// looked through for the words that they have in other places of its API.
static enum thingpass_refusal by_code(struct thingpass_span code) {
    static const struct {
        char word[16];
        uint8_t refusal;
    } words[] = {{"OwnershipToken", THINGPASS_REFUSAL_TOKEN},
                 {"Csr", THINGPASS_REFUSAL_CSR},
                 {"CSR", THINGPASS_REFUSAL_CSR},
                 {"SigningRequest", THINGPASS_REFUSAL_CSR},
                 {"Throttl", THINGPASS_REFUSAL_BUSY},
                 {"TooMany", THINGPASS_REFUSAL_BUSY},
                 {"LimitExceeded", THINGPASS_REFUSAL_BUSY},
                 {"ConflictingReso", THINGPASS_REFUSAL_BUSY},
                 {"Conflict", THINGPASS_REFUSAL_TAKEN},
                 {"AlreadyExists", THINGPASS_REFUSAL_TAKEN},
                 {"NotFound", THINGPASS_REFUSAL_TEMPLATE}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (contains(code, words[i].word)) {
            return (enum thingpass_refusal)words[i].refusal;
        }
    }
    return THINGPASS_REFUSAL_OTHER;
}

static enum thingpass_refusal by_status(unsigned status,
                                        enum thingpass_provision_question question) {
    switch (status) {
    case 400:
        return question == THINGPASS_CERTIFY ? THINGPASS_REFUSAL_CSR : THINGPASS_REFUSAL_PARAMETERS;
    case 401:
    case 403:
        return THINGPASS_REFUSAL_FORBIDDEN;
    case 404:
        return THINGPASS_REFUSAL_TEMPLATE;
    case 409:
        return THINGPASS_REFUSAL_TAKEN;
    case 429:
        return THINGPASS_REFUSAL_BUSY;
    default:
        return status >= 500 && status <= 599 ? THINGPASS_REFUSAL_SERVER : THINGPASS_REFUSAL_OTHER;
    }
}

void thingpass_read_refusal(const struct thingpass_provision_answer *answer,
                            enum thingpass_provision_question question,
                            struct thingpass_provision *p) {
    static const struct thingpass_json_field fields[] = {
        FIELD("statusCode", PRIMITIVE, true, offsetof(struct refusal, status)),
        FIELD("errorCode", STRING, true, offsetof(struct refusal, code)),
    };
    struct thingpass_provision_result *result = &p->result;
    struct thingpass_json json;
    struct refusal r = {0};
    if (parse(&json, answer) < 0 || thingpass_json_read(&json, 0, fields, 2, &r) < 0 ||
        !thingpass_span_all(r.code, SIZE_MAX, THINGPASS_PRINT)) {
        r.code.n = 0;
    }
    result->status = r.status <= 999 ? (uint16_t)r.status : 0;
    result->refusal = by_code(r.code);
    if (result->refusal == THINGPASS_REFUSAL_OTHER) {
        result->refusal = by_status(result->status, question);
    }
    thingpass_copy_cut(result->code, sizeof result->code, r.code);
}
