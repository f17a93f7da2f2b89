// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Fleet provisioning: what is asked, what becomes of each answer, and what does not.

#include "provision_rig.h"

static struct provision_rig rig;

static int begin(void **state) {
    *state = &rig;
    rig_begin(&rig);
    return 0;
}

static int end(void **state) {
    rig_end(*state);
    return 0;
}

static const char csr_topic[] = "$aws/certificates/create-from-csr/json/accepted";
static const char csr_rejected[] = "$aws/certificates/create-from-csr/json/rejected";
static const char thing_topic[] = "$aws/provisioning-templates/fleet-1/provision/json/accepted";
static const char thing_rejected[] = "$aws/provisioning-templates/fleet-1/provision/json/rejected";

static void a_thing_gets_its_identity(void **state) {
    struct provision_rig *r = *state;
    struct thingpass_identity identity;
    assert_int_equal(rig_load(r, &identity), THINGPASS_ENOENT);
    assert_int_equal(rig_provision(r), THINGPASS_OK);
    assert_string_equal(r->topics[0], csr_topic);
    assert_string_equal(r->topics[1], csr_rejected);
    assert_string_equal(r->topics[2], thing_topic);
    assert_string_equal(r->topics[3], thing_rejected);
    assert_string_equal(r->p.result.thing, "cam-7");
    assert_string_equal(r->p.result.certificate_id, r->certificates[0].id);
    assert_int_equal(r->p.result.asks, 2);
    assert_int_equal(r->p.result.rounds, 1);
    assert_int_equal(rig_load(r, &identity), THINGPASS_OK);
    assert_int_equal(identity.number, 1);
    assert_false(identity.proven);
    assert_int_equal(thingpass_provision_step(&r->p, NULL), THINGPASS_STEP_DONE);
    assert_int_equal(rig_give(r, thing_topic, "{\"thingName\":\"other\"}"), 0);
}

static void the_key_is_in_no_message(void **state) {
    struct provision_rig *r = *state;
    r->silent = true;
    assert_int_equal(rig_provision(r), THINGPASS_ERETRIES);
    assert_non_null(strstr(r->question, "{\"certificateSigningRequest\":\"-----BEGIN CERTIFICATE "
                                        "REQUEST-----\\u000akey0001"));
    assert_null(strstr(r->question, "key 0001"));
}

static void a_wrong_configuration_does_not_begin(void **state) {
    struct provision_rig *r = *state;
    static const struct thingpass_pair no_value[] = {{"SerialNumber", NULL}};
    const struct thingpass_provision_config good = r->config;
    struct thingpass_provision_config bad[14];
    for (size_t i = 0; i < COUNT(bad); i++) {
        bad[i] = good;
    }
    bad[0].template_name = NULL;
    bad[1].template_name = "";
    bad[2].template_name = "a/b";
    bad[3].template_name = "a+";
    bad[4].template_name = "1234567890123456789012345678901234567";
    bad[5].mqtt = NULL;
    bad[6].subscribe = NULL;
    bad[7].clock = NULL;
    bad[8].random = NULL;
    bad[9].keeper = NULL;
    bad[10].buffer = NULL;
    bad[11].parameters = no_value;
    bad[12].thing = "";
    bad[13].thing = "a/b";
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(thingpass_provision_start(&r->p, &bad[i]), THINGPASS_EINVAL);
    }
    assert_int_equal(thingpass_provision_start(&r->p, NULL), THINGPASS_EINVAL);
    bad[0] = good;
    bad[0].buffer_size = THINGPASS_PROVISION_BUFFER_MIN - 1;
    assert_int_equal(thingpass_provision_start(&r->p, &bad[0]), THINGPASS_ESPACE);
}

static void who_hears_nothing_asks_six_times(void **state) {
    struct provision_rig *r = *state;
    r->silent = true;
    assert_int_equal(rig_provision(r), THINGPASS_ERETRIES);
    assert_int_equal(r->csrs, 6);
    assert_int_equal(r->keys, 1);
    assert_int_equal(r->p.result.rounds, 1);
    assert_int_equal(r->now_ms - 1000, (5 + 10 + 20 + 40 + 60 + 60) * 1000);
}

static void a_deadline_ends_it(void **state) {
    struct provision_rig *r = *state;
    r->silent = true;
    r->config.timing.deadline_ms = 12345;
    assert_int_equal(rig_provision(r), THINGPASS_EDEADLINE);
    assert_int_equal(r->now_ms, 1000 + 12345);
}

static void it_may_be_cancelled(void **state) {
    struct provision_rig *r = *state;
    assert_int_equal(thingpass_provision_start(&r->p, &r->config), THINGPASS_OK);
    thingpass_provision_cancel(&r->p);
    assert_int_equal(rig_run(r), THINGPASS_ECANCELLED);
    assert_int_equal(r->csrs, 0);
}

// Without a connection nothing is counted; with a new one all is subscribed anew.
static void a_connection_may_come_and_go(void **state) {
    struct provision_rig *r = *state;
    uint64_t wake_ms;
    r->subscribe_waits = 5;
    r->silent = true;
    assert_int_equal(thingpass_provision_start(&r->p, &r->config), THINGPASS_OK);
    while (r->csrs == 0) {
        assert_int_not_equal(thingpass_provision_step(&r->p, &wake_ms), THINGPASS_STEP_DONE);
        r->now_ms = wake_ms > r->now_ms ? wake_ms : r->now_ms;
    }
    r->down = true;
    for (int i = 0; i < 100; i++) {
        assert_int_not_equal(thingpass_provision_step(&r->p, &wake_ms), THINGPASS_STEP_DONE);
        r->now_ms = wake_ms > r->now_ms ? wake_ms : r->now_ms;
    }
    assert_int_equal(r->p.result.asks, 1);
    r->down = r->silent = false;
    r->subscribed = 0;
    thingpass_provision_connected(&r->p);
    assert_int_equal(rig_run(r), THINGPASS_OK);
    assert_int_equal(r->subscribed, rig_topics);
    assert_int_equal(r->p.result.asks, 3);
}

static void a_server_that_does_not_let_it_subscribe_ends_it(void **state) {
    struct provision_rig *r = *state;
    r->subscribe_err = THINGPASS_EREFUSED;
    assert_int_equal(rig_provision(r), THINGPASS_EREFUSED);
    assert_int_equal(r->csrs, 0);
    assert_int_equal(r->keys, 0);
}

static void a_port_that_cannot_publish_is_given_up(void **state) {
    struct provision_rig *r = *state;
    r->publish_err = THINGPASS_EINVAL;
    assert_int_equal(rig_provision(r), THINGPASS_EIO);
    assert_int_equal(r->p.result.asks, 0);
}

// ── Refusals ────────────────────────────────────────────────────────────────

static void each_refusal_is_one_of_the_list(void **state) {
    struct provision_rig *r = *state;
    static const struct {
        const char *reply;
        bool csr;
        enum thingpass_refusal refusal;
        uint16_t status;
        const char *code;
    } cases[] = {
        {"{\"statusCode\":400,\"errorCode\":\"InvalidCsr\",\"errorMessage\":\"x\"}", true,
         THINGPASS_REFUSAL_CSR, 400, "InvalidCsr"},
        {"{\"statusCode\":400,\"errorCode\":\"InvalidParameters\"}", false,
         THINGPASS_REFUSAL_PARAMETERS, 400, "InvalidParameters"},
        {"{\"statusCode\":400}", true, THINGPASS_REFUSAL_CSR, 400, ""},
        {"{\"statusCode\":400}", false, THINGPASS_REFUSAL_PARAMETERS, 400, ""},
        {"{\"statusCode\":401,\"errorCode\":\"\"}", true, THINGPASS_REFUSAL_FORBIDDEN, 401, ""},
        {"{\"statusCode\":403,\"errorCode\":\"AccessDenied\"}", false, THINGPASS_REFUSAL_FORBIDDEN,
         403, "AccessDenied"},
        {"{\"statusCode\":404,\"errorCode\":\"ResourceNotFound\"}", false,
         THINGPASS_REFUSAL_TEMPLATE, 404, "ResourceNotFound"},
        {"{\"statusCode\":400,\"errorCode\":\"TemplateNotFound\"}", false,
         THINGPASS_REFUSAL_TEMPLATE, 400, "TemplateNotFound"},
        {"{\"statusCode\":400,\"errorCode\":\"InvalidCertificateOwnershipToken\"}", true,
         THINGPASS_REFUSAL_TOKEN, 400, "InvalidCertificateOwnershipToken"},
        {"{\"statusCode\":409,\"errorCode\":\"ResourceConflict\"}", false, THINGPASS_REFUSAL_TAKEN,
         409, "ResourceConflict"},
        {"{\"statusCode\":409}", false, THINGPASS_REFUSAL_TAKEN, 409, ""},
        {"{\"statusCode\":418,\"errorCode\":\"Teapot\"}", true, THINGPASS_REFUSAL_OTHER, 418,
         "Teapot"},
        {"{\"statusCode\":4294967696}", true, THINGPASS_REFUSAL_OTHER, 0, ""},
        {"{\"statusCode\":-400}", true, THINGPASS_REFUSAL_OTHER, 0, ""},
        {"{\"statusCode\":\"400\"}", true, THINGPASS_REFUSAL_OTHER, 0, ""},
        {"{\"statusCode\":403,\"errorCode\":7}", true, THINGPASS_REFUSAL_FORBIDDEN, 403, ""},
        {"{\"statusCode\":403,\"errorCode\":\"\\u001b[2J\"}", true, THINGPASS_REFUSAL_FORBIDDEN,
         403, ""},
        {"{\"statusCode\":403,\"errorCode\":\"0123456789012345678901234567890123456789"
         "0123456789\"}",
         true, THINGPASS_REFUSAL_FORBIDDEN, 403, "01234567890123456789012345678901234567890123456"},
        {"not JSON", true, THINGPASS_REFUSAL_OTHER, 0, ""},
        {"{}", false, THINGPASS_REFUSAL_OTHER, 0, ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        r->refusals = -1;
        r->refuse_csr = cases[i].csr ? cases[i].reply : NULL;
        r->refuse_registration = cases[i].csr ? NULL : cases[i].reply;
        r->csrs = r->registrations = 0;
        CHECK(cases[i].reply, rig_provision(r) == THINGPASS_EREFUSED);
        CHECK(cases[i].reply, r->csrs == 1 && r->registrations == !cases[i].csr);
        CHECK(cases[i].reply, r->p.result.refusal == cases[i].refusal);
        CHECK(cases[i].reply, r->p.result.status == cases[i].status);
        CHECK(cases[i].reply, strcmp(r->p.result.code, cases[i].code) == 0);
    }
    assert_int_equal(r->keys, 1);
}

static void each_refusal_has_words(void **state) {
    (void)state;
    for (int i = 0; i <= THINGPASS_REFUSAL_OTHER + 1; i++) {
        assert_true(strlen(thingpass_refusal_text((enum thingpass_refusal)i)) > 5);
    }
}

static void what_passes_is_waited_for(void **state) {
    struct provision_rig *r = *state;
    static const char *const replies[] = {
        "{\"statusCode\":429,\"errorCode\":\"TooManyRequests\"}",
        "{\"statusCode\":400,\"errorCode\":\"ThrottlingException\"}",
        "{\"statusCode\":400,\"errorCode\":\"LimitExceeded\"}",
        "{\"statusCode\":409,\"errorCode\":\"ConflictingResourceUpdateException\"}",
        "{\"statusCode\":500,\"errorCode\":\"InternalServerError\"}",
        "{\"statusCode\":503}",
    };
    for (size_t i = 0; i < 2 * COUNT(replies); i++) {
        const char *reply = replies[i / 2];
        r->refuse_csr = i % 2 == 0 ? reply : NULL;
        r->refuse_registration = i % 2 == 0 ? NULL : reply;
        r->refusals = 3;
        r->csrs = r->registrations = 0;
        uint64_t began_ms = r->now_ms;
        CHECK(reply, rig_provision(r) == THINGPASS_OK);
        CHECK(reply, r->csrs + r->registrations == 5);
        CHECK(reply, r->now_ms - began_ms == 35000);
        CHECK(reply, r->p.result.rounds == 1);
    }
}

static void but_not_for_ever(void **state) {
    struct provision_rig *r = *state;
    r->refuse_csr = "{\"statusCode\":429}";
    r->refusals = -1;
    assert_int_equal(rig_provision(r), THINGPASS_EREFUSED);
    assert_int_equal(r->p.result.refusal, THINGPASS_REFUSAL_BUSY);
    assert_int_equal(r->csrs, 6);
}

// A new connection does not make it ask sooner than it was told to.
static void a_throttled_thing_does_not_hurry(void **state) {
    struct provision_rig *r = *state;
    uint64_t wake_ms;
    assert_int_equal(thingpass_provision_start(&r->p, &r->config), THINGPASS_OK);
    while (r->csrs == 0) {
        (void)thingpass_provision_step(&r->p, &wake_ms);
    }
    assert_int_equal(rig_give(r, csr_rejected, "{\"statusCode\":429}"), THINGPASS_EREFUSED);
    r->subscribed = 0;
    thingpass_provision_connected(&r->p);
    assert_int_equal(thingpass_provision_step(&r->p, &wake_ms), THINGPASS_STEP_WAIT);
    assert_int_equal(wake_ms, r->now_ms + 5000);
}

static void a_spent_token_begins_again_with_the_same_key(void **state) {
    struct provision_rig *r = *state;
    struct thingpass_identity identity;
    r->lose_registered = true; // it is registered, but who knows?
    assert_int_equal(rig_provision(r), THINGPASS_OK);
    assert_int_equal(r->csrs, 2);
    assert_int_equal(r->registrations, 3);
    assert_int_equal(r->keys, 1);
    assert_int_equal(r->p.result.refusal, THINGPASS_REFUSAL_TOKEN);
    assert_int_equal(rig_load(r, &identity), THINGPASS_OK);
    assert_string_equal(identity.certificate_id, r->certificates[1].id);
}

static void it_begins_again_three_times_at_the_most(void **state) {
    struct provision_rig *r = *state;
    r->refuse_registration = "{\"statusCode\":400,\"errorCode\":"
                             "\"InvalidCertificateOwnershipToken\"}";
    r->refusals = -1;
    assert_int_equal(rig_provision(r), THINGPASS_EREFUSED);
    assert_int_equal(r->csrs, 3);
    assert_int_equal(r->keys, 1);
}

static void a_token_that_is_too_old_is_not_used(void **state) {
    struct provision_rig *r = *state;
    uint64_t wake_ms;
    assert_int_equal(thingpass_provision_start(&r->p, &r->config), THINGPASS_OK);
    while (r->csrs == 0) {
        (void)thingpass_provision_step(&r->p, &wake_ms);
    }
    r->down = true; // for an hour
    char reply[sizeof r->reply];
    strcpy(reply, r->reply);
    r->reply[0] = '\0';
    assert_int_equal(rig_give(r, csr_topic, reply), 1);
    assert_int_equal(thingpass_provision_step(&r->p, &wake_ms), THINGPASS_STEP_RUN);
    r->now_ms += 3590 * 1000;
    r->down = false;
    assert_int_equal(rig_run(r), THINGPASS_OK);
    assert_int_equal(r->csrs, 2);
    assert_int_equal(r->registrations, 1);
}

// The reply to a CSR, with one field as given.
static const char *certificate(const char *id, const char *pem, const char *token) {
    static char text[3000];
    snprintf(text, sizeof text,
             "{\"certificateId\":%s,\"certificatePem\":%s,\"certificateOwnershipToken\":%s}", id,
             pem, token);
    return text;
}

#define ID    "\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\""
#define PEM   "\"-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----\\n\""
#define TOKEN "\"token\""

// Brings it to its first question.
static void ask(struct provision_rig *r) {
    uint64_t wake_ms;
    r->subscribed = 0;
    r->csrs = r->registrations = 0;
    r->silent = true;
    assert_int_equal(thingpass_provision_start(&r->p, &r->config), THINGPASS_OK);
    while (r->csrs == 0) {
        (void)thingpass_provision_step(&r->p, &wake_ms);
    }
}

// ── A name that is known beforehand ─────────────────────────────────────────

static void an_answer_that_is_lost_loses_no_thing(void **state) {
    struct provision_rig *r = *state;
    struct thingpass_identity identity;
    r->once = r->lose_registered = true;
    assert_int_equal(rig_provision(r), THINGPASS_EREFUSED); // without the name it does
    assert_int_equal(r->p.result.refusal, THINGPASS_REFUSAL_TAKEN);
    assert_int_equal(rig_load(r, &identity), THINGPASS_ENOENT);
    rig_end(r);
    rig_begin(r);
    r->once = r->lose_registered = true;
    r->config.thing = "cam-7";
    assert_int_equal(rig_provision(r), THINGPASS_OK);
    assert_int_equal(r->csrs, 1);
    assert_string_equal(r->p.result.thing, "cam-7");
    assert_int_equal(rig_load(r, &identity), THINGPASS_OK);
    assert_true(r->certificates[0].active);
    assert_string_equal(identity.certificate_id, r->certificates[0].id);
}

static void what_is_refused_for_sure_is_no_identity(void **state) {
    struct provision_rig *r = *state;
    struct thingpass_identity identity;
    static const char *const replies[] = {
        "{\"statusCode\":409}", "{\"statusCode\":403}",
        "{\"statusCode\":400,\"errorCode\":\"InvalidCertificateOwnershipToken\"}",
        "{\"statusCode\":503}"};
    r->config.thing = "cam-7";
    for (size_t i = 0; i < COUNT(replies); i++) {
        r->refuse_registration = replies[i];
        r->refusals = -1;
        CHECK(replies[i], rig_provision(r) == THINGPASS_EREFUSED);
        CHECK(replies[i], rig_load(r, &identity) == THINGPASS_ENOENT);
    }
}

// Nor while it waits for another certificate.
static void a_spent_token_leaves_no_identity(void **state) {
    struct provision_rig *r = *state;
    struct thingpass_identity identity;
    r->config.thing = "cam-7";
    ask(r);
    assert_int_equal(rig_give(r, csr_topic, certificate(ID, PEM, TOKEN)), 1);
    while (r->registrations == 0) {
        (void)thingpass_provision_step(&r->p, NULL);
    }
    (void)rig_give(r, thing_rejected,
                   "{\"statusCode\":400,\"errorCode\":\"InvalidCertificateOwnershipToken\"}");
    assert_int_equal(rig_run(r), THINGPASS_ERETRIES);
    assert_int_equal(r->p.result.rounds, 2);
    assert_int_equal(rig_load(r, &identity), THINGPASS_ENOENT);
}

static void what_may_be_registered_is_kept(void **state) {
    struct provision_rig *r = *state;
    struct thingpass_identity identity;
    uint64_t wake_ms;
    r->config.thing = "cam-7";
    assert_int_equal(thingpass_provision_start(&r->p, &r->config), THINGPASS_OK);
    while (r->csrs == 0) {
        (void)thingpass_provision_step(&r->p, &wake_ms);
    }
    char reply[sizeof r->reply];
    strcpy(reply, r->reply);
    r->silent = true;
    r->reply[0] = '\0';
    assert_int_equal(rig_give(r, csr_topic, reply), 1);
    assert_int_equal(rig_run(r), THINGPASS_ERETRIES);
    assert_int_equal(r->registrations, 6);
    assert_int_equal(rig_load(r, &identity), THINGPASS_OK);
}

static void nothing_is_kept_that_was_never_asked_for(void **state) {
    struct provision_rig *r = *state;
    struct thingpass_identity identity;
    uint64_t wake_ms;
    r->config.thing = "cam-7";
    assert_int_equal(thingpass_provision_start(&r->p, &r->config), THINGPASS_OK);
    while (r->csrs == 0) {
        (void)thingpass_provision_step(&r->p, &wake_ms);
    }
    char reply[sizeof r->reply];
    strcpy(reply, r->reply);
    r->reply[0] = '\0';
    r->down = true;
    assert_int_equal(rig_give(r, csr_topic, reply), 1);
    assert_int_equal(thingpass_provision_step(&r->p, &wake_ms), THINGPASS_STEP_RUN);
    assert_int_equal(rig_load(r, &identity), THINGPASS_OK); // it would be found after a power cut
    thingpass_provision_cancel(&r->p);
    assert_int_equal(rig_load(r, &identity), THINGPASS_ENOENT);
}

static void the_servers_name_wins(void **state) {
    struct provision_rig *r = *state;
    struct thingpass_identity identity;
    r->config.thing = "cam-8";
    assert_int_equal(rig_provision(r), THINGPASS_OK);
    assert_int_equal(rig_load(r, &identity), THINGPASS_OK);
    assert_string_equal(identity.thing, "cam-7");
}

// ── Lies ────────────────────────────────────────────────────────────────────

static void a_false_certificate_is_asked_for_again(void **state) {
    struct provision_rig *r = *state;
    const struct {
        const char *id, *pem, *token;
    } lies[] = {
        {"\"\"", PEM, TOKEN},
        {"\"../../etc\"", PEM, TOKEN},
        {"\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0\"", PEM, TOKEN},
        {"7", PEM, TOKEN},
        {ID, "\"\"", TOKEN},
        {ID, "\"AAAA\"", TOKEN},
        {ID, "\"-----BEGIN CERTIFICATE-----\"", TOKEN},
        {ID, "\"-----BEGIN CERTIFICATE----------END CERTIFICATE-----\"", TOKEN},
        {ID, "\"-----BEGIN PRIVATE KEY-----\\nAAAA\\n-----END PRIVATE KEY-----\"", TOKEN},
        {ID, "\"-----BEGIN CERTIFICATE-----\\nA\\u0001\\n-----END CERTIFICATE-----\"", TOKEN},
        {ID, "\"-----BEGIN CERTIFICATE-----\\nA\\u0000\\n-----END CERTIFICATE-----\"", TOKEN},
        {ID, "\"-----BEGIN CERTIFICATE-----\\nA\\n-----END CERTIFICATE----- x\"", TOKEN},
        {ID, "null", TOKEN},
        {ID, PEM, "\"\""},
        {ID, PEM, "\"a\\nb\""},
        {ID, PEM, "{}"},
    };
    for (size_t i = 0; i < COUNT(lies); i++) {
        const char *lie = certificate(lies[i].id, lies[i].pem, lies[i].token);
        ask(r);
        CHECK(lie, rig_give(r, csr_topic, lie) == THINGPASS_EREPLY);
        CHECK(lie, ramfs_find(&r->fs, "CRTSLOT0.PEM") == NULL);
        CHECK(lie, r->p.result.certificate_id[0] == '\0');
    }
    ask(r);
    assert_int_equal(rig_give(r, csr_topic, certificate(ID, PEM, TOKEN)), 1); // what is none
}

static void so_is_what_is_no_answer_at_all(void **state) {
    struct provision_rig *r = *state;
    static const char *const lies[] = {
        "", "{", "[]", "{}", "null", "{\"certificateId\":\"1\"}", "\xff", "{}{}"};
    for (size_t i = 0; i < COUNT(lies); i++) {
        ask(r);
        CHECK(lies[i], rig_give(r, csr_topic, lies[i]) == THINGPASS_EREPLY);
        r->silent = false;
        CHECK(lies[i], rig_run(r) == THINGPASS_OK);
    }
}

static void it_ends_if_there_is_nothing_else(void **state) {
    struct provision_rig *r = *state;
    ask(r);
    for (int i = 1; i <= 6; i++) {
        assert_int_equal(rig_give(r, csr_topic, "{}"), THINGPASS_EREPLY);
        uint64_t wake_ms;
        (void)thingpass_provision_step(&r->p, &wake_ms);
        r->now_ms = wake_ms;
        (void)thingpass_provision_step(&r->p, &wake_ms);
    }
    assert_int_equal(r->p.result.err, THINGPASS_EREPLY);
    assert_int_equal(thingpass_provision_step(&r->p, NULL), THINGPASS_STEP_DONE);
}

static void a_false_name_is_not_taken(void **state) {
    struct provision_rig *r = *state;
    static const char *const lies[] = {
        "{\"thingName\":\"\"}",        "{\"thingName\":\"a/b\"}",
        "{\"thingName\":\"+\"}",       "{\"thingName\":\"a b\"}",
        "{\"thingName\":7}",           "{\"name\":\"cam-7\"}",
        "{\"thingName\":\"cam\\n\"}",  "{\"thingName\":\"a\",\"thingName\":\"b\"}",
        "{\"thingName\":\"\\u0000\"}", "{\"thingName\":\"k\xc3\xa4se\"}",
    };
    char name[200] = "{\"thingName\":\"";
    memset(name + 14, 'a', 129);
    strcpy(name + 14 + 129, "\"}");
    for (size_t i = 0; i <= COUNT(lies); i++) {
        const char *lie = i < COUNT(lies) ? lies[i] : name;
        ask(r);
        CHECK(lie, rig_give(r, csr_topic, certificate(ID, PEM, TOKEN)) == 1);
        while (r->registrations == 0) {
            (void)thingpass_provision_step(&r->p, NULL);
        }
        CHECK(lie, rig_give(r, thing_topic, lie) == THINGPASS_EREPLY);
        CHECK(lie, r->p.result.thing[0] == '\0');
        CHECK(lie, ramfs_find(&r->fs, "RECSLOT0.TXT") == NULL);
    }
    strcpy(name + 14 + 128, "\"}"); // as long as may be
    assert_int_equal(rig_give(r, thing_topic, name), 1);
    assert_int_equal(thingpass_provision_step(&r->p, NULL), THINGPASS_STEP_DONE);
    assert_int_equal(r->p.result.err, THINGPASS_OK);
}

static void answers_to_other_questions_are_passed_over(void **state) {
    struct provision_rig *r = *state;
    assert_int_equal(thingpass_provision_start(&r->p, &r->config), THINGPASS_OK);
    assert_int_equal(rig_give(r, csr_topic, certificate(ID, PEM, TOKEN)), 0); // before it asked
    assert_int_equal(thingpass_provision_step(&r->p, NULL), THINGPASS_STEP_RUN);
    assert_int_equal(rig_give(r, csr_topic, certificate(ID, PEM, TOKEN)), 0);
    ask(r);
    static const char *const topics[] = {thing_topic,
                                         thing_rejected,
                                         "$aws/certificates/create-from-csr/json",
                                         "$aws/certificates/create-from-csr/cbor/accepted",
                                         "$aws/certificates/create/json/accepted",
                                         "$aws/certificates/create-from-csr/json/accepted/",
                                         "thingpass/cam-7/response",
                                         ""};
    for (size_t i = 0; i < COUNT(topics); i++) {
        CHECK(topics[i], rig_give(r, topics[i], certificate(ID, PEM, TOKEN)) == 0);
    }
    assert_int_equal(rig_give(r, csr_topic, certificate(ID, PEM, TOKEN)), 1);
    assert_int_equal(rig_give(r, csr_topic, certificate(ID, PEM, "\"another\"")), 0);
    while (r->registrations == 0) {
        (void)thingpass_provision_step(&r->p, NULL);
    }
    assert_non_null(strstr(r->question, "{\"certificateOwnershipToken\":\"token\","));
    assert_int_equal(rig_give(r, csr_topic, certificate(ID, PEM, "\"another\"")), 0);
    assert_int_equal(rig_give(r, csr_rejected, "{}"), 0);
    assert_int_equal(rig_give(r, "$aws/provisioning-templates/fleet-2/provision/json/accepted",
                              "{\"thingName\":\"x\"}"),
                     0);
}

static void a_certificate_for_another_key_is_not_kept(void **state) {
    struct provision_rig *r = *state;
    struct thingpass_identity identity;
    r->check_pair = true;
    ask(r);
    r->silent = false;
    assert_int_equal(rig_give(r, csr_topic, certificate(ID, PEM, TOKEN)), 1);
    assert_int_equal(rig_run(r), THINGPASS_OK);
    assert_int_equal(r->csrs, 2);
    assert_int_equal(rig_load(r, &identity), THINGPASS_OK);
}

static void what_does_not_fit_ends_it(void **state) {
    struct provision_rig *r = *state;
    char text[THINGPASS_PROVISION_BUFFER_MIN + 20];
    for (size_t n = THINGPASS_PROVISION_BUFFER_MIN - 100; n < sizeof text - 1; n++) {
        memset(text, ' ', n);
        text[0] = '{';
        text[n - 1] = '}';
        text[n] = '\0';
        ask(r);
        int err = rig_give(r, csr_topic, text);
        bool fits = n + sizeof(uint64_t) <= THINGPASS_PROVISION_BUFFER_MIN;
        assert_true(err == (fits ? THINGPASS_EREPLY : THINGPASS_ESPACE) || (!fits && err < 0));
    }
    assert_int_equal(thingpass_provision_step(&r->p, NULL), THINGPASS_STEP_DONE);
    assert_int_equal(r->p.result.err, THINGPASS_ESPACE);
}

// The most that AWS has been seen to send, in the recommended buffer.
static void replies_as_long_as_aws_sends_fit(void **state) {
    struct provision_rig *r = *state;
    static char pem[2200], token[1100], reply[4096];
    static uint8_t buffer[THINGPASS_PROVISION_BUFFER];
    r->config.buffer = buffer;
    r->config.buffer_size = sizeof buffer;
    strcpy(pem, "\"-----BEGIN CERTIFICATE-----\\n");
    for (int line = 0; line < 28; line++) {
        memset(pem + strlen(pem), 'A', 64);
        strcat(pem, "\\n");
    }
    strcat(pem, "-----END CERTIFICATE-----\\n\"");
    memset(token, 't', 1026);
    token[0] = token[1025] = '"';
    snprintf(reply, sizeof reply,
             "{\"certificateId\":" ID ",\"certificatePem\":%s,\"certificateOwnershipToken\":%s}",
             pem, token);
    ask(r);
    assert_int_equal(rig_give(r, csr_topic, reply), 1);
    while (r->registrations == 0) {
        (void)thingpass_provision_step(&r->p, NULL);
    }
    assert_non_null(strstr(r->question, token));
    assert_int_equal(rig_give(r, thing_topic, "{\"thingName\":\"cam-7\"}"), 1);
    assert_int_equal(thingpass_provision_step(&r->p, NULL), THINGPASS_STEP_DONE);
    char cert[2200];
    struct thingpass_identity identity;
    assert_int_equal(thingpass_identity_load(&r->keeper, &identity, cert, sizeof cert),
                     THINGPASS_OK);
    assert_int_equal(identity.cert_len, 28 + 28 * 65 + 26);
    assert_int_equal(thingpass_identity_load(&r->keeper, &identity, cert, identity.cert_len),
                     THINGPASS_ESPACE);
    assert_int_equal(thingpass_identity_load(&r->keeper, &identity, cert, identity.cert_len + 1),
                     THINGPASS_OK);
}

// ── The keeper's troubles, and what is handed on ────────────────────────────

static void a_key_that_cannot_be_made_ends_it(void **state) {
    struct provision_rig *r = *state;
    r->csr_err = THINGPASS_EFULL;
    assert_int_equal(rig_provision(r), THINGPASS_EFULL);
    r->csr_err = THINGPASS_EAGAIN;
    assert_int_equal(rig_provision(r), THINGPASS_EIO);
    r->csr_err = THINGPASS_ESPACE;
    assert_int_equal(rig_provision(r), THINGPASS_ESPACE);
    assert_int_equal(r->csrs, 0);
}

// Nothing is registered that could not be kept.
static void a_full_medium_registers_nothing(void **state) {
    struct provision_rig *r = *state;
    r->fs.capacity = 500; // for the key, not for the certificate
    assert_int_equal(rig_provision(r), THINGPASS_EFULL);
    assert_int_equal(r->csrs, 1);
    assert_int_equal(r->registrations, 0);
    r->fs.capacity = 0;
    assert_int_equal(rig_provision(r), THINGPASS_OK);
    assert_int_equal(r->keys, 1);
}

static void a_failing_medium_ends_it_wherever_it_fails(void **state) {
    struct provision_rig *r = *state;
    struct thingpass_identity identity;
    unsigned failures = 0;
    for (unsigned at = 1;; at++) {
        r->fs.error = THINGPASS_EIO;
        r->fs.fail_at = r->fs.all_calls + at;
        r->fs.fail_once = true;
        int err = rig_provision(r);
        bool failed = r->fs.all_calls >= r->fs.fail_at;
        r->fs.fail_at = 0;
        assert_true(err == THINGPASS_OK || failed);
        failures += err != THINGPASS_OK;
        int loaded = rig_load(r, &identity);
        assert_true(loaded == THINGPASS_OK || (loaded == THINGPASS_ENOENT && err != 0));
        if (!failed) {
            break;
        }
    }
    assert_in_range(failures, 10, 100);
}

struct heard {
    unsigned n;
    char name[20], value[20];
};

static void hear(void *ctx, const char *name, const char *value) {
    struct heard *h = ctx;
    h->n++;
    snprintf(h->name, sizeof h->name, "%s", name);
    snprintf(h->value, sizeof h->value, "%s", value);
}

static void the_device_configuration_is_handed_on(void **state) {
    struct provision_rig *r = *state;
    struct heard heard = {0};
    r->config.configure = hear;
    r->config.configure_ctx = &heard;
    assert_int_equal(rig_provision(r), THINGPASS_OK);
    assert_int_equal(heard.n, 1);
    assert_string_equal(heard.name, "site");
    assert_string_equal(heard.value, "north");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_thing_gets_its_identity),
        TEST(the_key_is_in_no_message),
        TEST(a_wrong_configuration_does_not_begin),
        TEST(who_hears_nothing_asks_six_times),
        TEST(a_deadline_ends_it),
        TEST(it_may_be_cancelled),
        TEST(a_connection_may_come_and_go),
        TEST(a_server_that_does_not_let_it_subscribe_ends_it),
        TEST(a_port_that_cannot_publish_is_given_up),
        TEST(each_refusal_is_one_of_the_list),
        TEST(each_refusal_has_words),
        TEST(what_passes_is_waited_for),
        TEST(but_not_for_ever),
        TEST(a_throttled_thing_does_not_hurry),
        TEST(a_spent_token_begins_again_with_the_same_key),
        TEST(it_begins_again_three_times_at_the_most),
        TEST(a_token_that_is_too_old_is_not_used),
        TEST(an_answer_that_is_lost_loses_no_thing),
        TEST(what_is_refused_for_sure_is_no_identity),
        TEST(a_spent_token_leaves_no_identity),
        TEST(what_may_be_registered_is_kept),
        TEST(nothing_is_kept_that_was_never_asked_for),
        TEST(the_servers_name_wins),
        TEST(a_false_certificate_is_asked_for_again),
        TEST(so_is_what_is_no_answer_at_all),
        TEST(it_ends_if_there_is_nothing_else),
        TEST(a_false_name_is_not_taken),
        TEST(answers_to_other_questions_are_passed_over),
        TEST(a_certificate_for_another_key_is_not_kept),
        TEST(what_does_not_fit_ends_it),
        TEST(replies_as_long_as_aws_sends_fit),
        TEST(a_key_that_cannot_be_made_ends_it),
        TEST(a_full_medium_registers_nothing),
        TEST(a_failing_medium_ends_it_wherever_it_fails),
        TEST(the_device_configuration_is_handed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
