// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "check.h"
#include "guard.h"
#include "request.h"
#include "wire.h"

// The sha256 of the wire vectors.
static const uint8_t wire_sum[32] = {
    0x9f, 0x86, 0xd0, 0x81, 0x88, 0x4c, 0x7d, 0x65, 0x9a, 0x2f, 0xea, 0xa0, 0xc5, 0x5a, 0xd0, 0x15,
    0xa3, 0xbf, 0x4f, 0x1b, 0x2b, 0x0b, 0x82, 0x2c, 0xd1, 0x5d, 0x6c, 0x15, 0xb0, 0xf0, 0x0a, 0x08};

static int read_none(void *ctx, void *buf, size_t cap) {
    (void)ctx;
    (void)buf;
    (void)cap;
    return 0;
}

static int rewind_ok(void *ctx) {
    (void)ctx;
    return 0;
}

static struct thingpass_source source_of(const char *type, uint64_t size) {
    struct thingpass_source s = {NULL, size, type, true, true, read_none, rewind_ok, NULL, NULL};
    return s;
}

static const struct thingpass_pair two_pairs[] = {{"fw", "1.4.2"}, {"rssi", "-61"}};
static struct thingpass_pair sixteen_pairs[16];
static char sixteen_names[16][8];
static char long_value[64];

static void make_sixteen_pairs(void) {
    memset(long_value, 'v', 60);
    for (size_t i = 0; i < 16; i++) {
        snprintf(sixteen_names[i], sizeof sixteen_names[i], "m%02u", (unsigned)i);
        sixteen_pairs[i].name = sixteen_names[i];
        sixteen_pairs[i].value = long_value;
    }
}

// A row makes exactly the bytes of the wire vector of that name.
struct row {
    const char *name;
    const char *id;
    const char *kind;
    const char *type;
    uint64_t size;
    bool sum;
    int64_t captured_at;
    const char *object_key;
    const struct thingpass_pair *pairs;
    size_t pairs_count;
};

static const struct row rows[] = {
    {"put-one", "b7Kq-000017", "photo", "image/jpeg", 48211, true, 1795424398, NULL, two_pairs, 2},
    {"put-min", "b7Kq-000001", "photo", NULL, 1, false, 0, NULL, NULL, 0},
    {"put-no-clock", "b7Kq-000018", "photo", "image/jpeg", 48211, true, 0, NULL, NULL, 0},
    {"put-again", "b7Kq-000017", "photo", "image/jpeg", 48211, true, 0,
     "cam1/photo/2026/11/22/b7Kq-000017.jpg", NULL, 0},
    {"put-log", "boot-7", "log", "application/gzip", 16777216, false, 0, NULL, two_pairs, 1},
    {"put-token", "b7Kq-000020", "photo", "image/jpeg", 48211, true, 1795424398, NULL, NULL, 0},
    {"put-max", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "photo",
     "image/jpeg", 8388608, true, 1795424398, NULL, sixteen_pairs, 16},
    {"complete-one", "b7Kq-000017", "photo", NULL, 48211, true, 0,
     "cam1/photo/2026/11/23/b7Kq-000017.jpg", NULL, 0},
    {"complete-plain", "boot-7", "log", NULL, 16777216, false, 0, "cam1/log/2026/11/23/boot-7.gz",
     NULL, 0},
};

static size_t encode(const struct row *row, char *buf, size_t cap) {
    struct thingpass_source source = source_of(row->type, row->size);
    struct thingpass_object object = {0};
    object.kind = row->kind;
    object.source = &source;
    object.metadata = row->pairs;
    object.metadata_count = row->pairs_count;
    struct thingpass_request request = {&object, row->id, row->object_key,
                                        row->sum ? wire_sum : NULL, row->captured_at};
    struct thingpass_writer w = {buf, cap, 0};
    if (strncmp(row->name, "put", 3) == 0) {
        assert_int_equal(thingpass_object_check(&object), THINGPASS_OK);
        thingpass_put_request(&w, &request);
    } else {
        thingpass_put_report(&w, &request);
    }
    return w.len;
}

static void requests_are_the_bytes_of_the_wire_vectors(void **state) {
    (void)state;
    make_sixteen_pairs();
    for (size_t i = 0; i < COUNT(rows); i++) {
        char name[80];
        snprintf(name, sizeof name, "%s.request.json", rows[i].name);
        struct wire_file f = wire_named(name);
        char *buf = guard_alloc(f.len);
        CHECK(name, encode(&rows[i], buf, f.len) == f.len);
        CHECK(name, memcmp(buf, f.data, f.len) == 0);
        guard_free(buf, f.len);
        free(f.data);
    }
}

static void every_buffer_that_is_too_small_is_noticed_and_not_overrun(void **state) {
    (void)state;
    make_sixteen_pairs();
    for (size_t i = 0; i < COUNT(rows); i++) {
        char whole[3000];
        size_t len = encode(&rows[i], whole, sizeof whole);
        for (size_t cap = 0; cap <= len; cap++) {
            char *buf = guard_alloc(cap);
            CHECK(rows[i].name, encode(&rows[i], buf, cap) == (cap == len ? len : SIZE_MAX));
            guard_free(buf, cap);
        }
    }
}

static struct thingpass_object pass_object(struct thingpass_source *source) {
    static const struct thingpass_pair fixed[] = {{"fw", "1.4.2"}};
    static const struct thingpass_pair own[] = {{"rssi", "-61"}, {"lux", "7"}};
    struct thingpass_object object = {0};
    *source = source_of("image/jpeg", 48211);
    object.kind = "photo";
    object.mode = &thingpass_mode_pass;
    object.source = source;
    object.metadata = own;
    object.metadata_count = 2;
    object.pass_metadata = fixed;
    object.pass_metadata_count = 1;
    return object;
}

static void a_request_for_a_pass_says_what_its_objects_have_in_common(void **state) {
    (void)state;
    static const char want[] =
        "{\"id\":\"p-1\",\"kind\":\"photo\",\"mode\":\"pass\",\"contentType\":\"image/jpeg\","
        "\"capturedAt\":1795424398,\"metadata\":{\"fw\":\"1.4.2\"},"
        "\"metadataNames\":[\"captured-at\",\"rssi\",\"lux\"],\"checksum\":\"sha256\"}";
    struct thingpass_source source;
    struct thingpass_object object = pass_object(&source);
    assert_int_equal(thingpass_object_check(&object), THINGPASS_OK);
    struct thingpass_request request = {&object, "p-1", NULL, wire_sum, 1795424398};
    for (size_t cap = 0; cap < sizeof want; cap++) {
        char *buf = guard_alloc(cap);
        struct thingpass_writer w = {buf, cap, 0};
        thingpass_put_pass_request(&w, &request);
        assert_int_equal(w.len, cap == sizeof want - 1 ? cap : SIZE_MAX);
        assert_true(w.len == SIZE_MAX || memcmp(buf, want, cap) == 0);
        guard_free(buf, cap);
    }
    char least[200];
    struct thingpass_writer w = {least, sizeof least, 0};
    object.metadata_count = object.pass_metadata_count = 0;
    source.content_type = NULL;
    request.captured_at = 0;
    request.sum = NULL;
    thingpass_put_pass_request(&w, &request);
    struct thingpass_span got = {least, w.len};
    assert_true(thingpass_span_is(got, "{\"id\":\"p-1\",\"kind\":\"photo\",\"mode\":\"pass\","
                                       "\"metadataNames\":[\"captured-at\"]}"));
}

static void what_a_pass_cannot_have_is_an_error_of_the_caller(void **state) {
    (void)state;
    make_sixteen_pairs();
    struct thingpass_source source;
    struct thingpass_object o = pass_object(&source);
    assert_int_equal(thingpass_object_check(&o), THINGPASS_OK);
    o.object_key = "cam1/photo/2026/11/23/x.jpg";
    assert_int_equal(thingpass_object_check(&o), THINGPASS_EINVAL);
    o = pass_object(&source);
    o.pass_metadata = o.metadata; // a name that is fixed and the object's own
    assert_int_equal(thingpass_object_check(&o), THINGPASS_EINVAL);
    o = pass_object(&source);
    o.metadata = sixteen_pairs;
    o.metadata_count = 14;
    assert_int_equal(thingpass_object_check(&o), THINGPASS_OK);
    o.metadata_count = 15; // and captured-at
    assert_int_equal(thingpass_object_check(&o), THINGPASS_EINVAL);
    o = pass_object(&source);
    o.pass_metadata = NULL;
    assert_int_equal(thingpass_object_check(&o), THINGPASS_EINVAL);
    o = pass_object(&source);
    o.mode = &thingpass_mode_put; // has no pass
    assert_int_equal(thingpass_object_check(&o), THINGPASS_EINVAL);
    o.pass_metadata_count = 0;
    assert_int_equal(thingpass_object_check(&o), THINGPASS_OK);
    static const struct thingpass_pair replaced[] = {{"note", "a ${filename}"}};
    o = pass_object(&source);
    o.metadata = replaced;
    o.metadata_count = 1;
    assert_int_equal(thingpass_object_check(&o), THINGPASS_EINVAL);
    o.metadata_count = 0;
    o.pass_metadata = replaced;
    assert_int_equal(thingpass_object_check(&o), THINGPASS_EINVAL);
    static const struct thingpass_pair reserved[] = {{"captured-at", "1"}};
    o = pass_object(&source);
    o.pass_metadata = reserved;
    assert_int_equal(thingpass_object_check(&o), THINGPASS_EINVAL);
}

static void strings_are_escaped(void **state) {
    (void)state;
    char buf[100];
    struct thingpass_writer w = {buf, sizeof buf, 0};
    thingpass_put_json(&w, thingpass_span_of("a\"b\\c\n\x1f/&\xc3\xa9\x7f"));
    struct thingpass_span got = {buf, w.len};
    assert_true(thingpass_span_is(got, "\"a\\\"b\\\\c\\u000a\\u001f/&\xc3\xa9\x7f\""));
}

static void numbers_are_written_whole(void **state) {
    (void)state;
    char buf[100];
    struct thingpass_writer w = {buf, sizeof buf, 0};
    thingpass_put_u64(&w, 0);
    thingpass_put_text(&w, " ");
    thingpass_put_u64(&w, UINT64_MAX);
    struct thingpass_span got = {buf, w.len};
    assert_true(thingpass_span_is(got, "0 18446744073709551615"));
}

struct fixture {
    struct thingpass_source source;
    struct thingpass_object object;
    struct thingpass_pair pairs[17];
};

static void good(struct fixture *f) {
    memset(f, 0, sizeof *f);
    f->source = source_of("image/jpeg", 10);
    f->object.kind = "photo";
    f->object.source = &f->source;
    f->object.metadata = f->pairs;
    for (size_t i = 0; i < 16; i++) {
        f->pairs[i].name = sixteen_names[i];
        f->pairs[i].value = "v";
    }
    f->pairs[16] = f->pairs[0];
}

static void no_object(struct fixture *f) {
    f->object.source = NULL;
}
static void no_read(struct fixture *f) {
    f->source.read = NULL;
}
static void no_rewind(struct fixture *f) {
    f->source.rewind = NULL;
}
static void unknown_length(struct fixture *f) {
    f->source.known_len = false;
}
static void huge(struct fixture *f) {
    f->source.size = UINT64_MAX;
}
static void empty_type(struct fixture *f) {
    f->source.content_type = "";
}
static void type_with_newline(struct fixture *f) {
    f->source.content_type = "a\nb";
}
static void no_kind(struct fixture *f) {
    f->object.kind = NULL;
}
static void empty_kind(struct fixture *f) {
    f->object.kind = "";
}
static void upper_kind(struct fixture *f) {
    f->object.kind = "Photo";
}
static void long_kind(struct fixture *f) {
    f->object.kind = "abcdefghijklmnopqrstuvwxyz0123456";
}
static void empty_id(struct fixture *f) {
    f->object.id = "";
}
static void id_with_dot(struct fixture *f) {
    f->object.id = "a.b";
}
static void id_with_slash(struct fixture *f) {
    f->object.id = "../x";
}
static void long_id(struct fixture *f) {
    f->object.id = "0123456789012345678901234567890123456789012345678901234567890123x";
}
static void early_time(struct fixture *f) {
    f->object.captured_at = 1577836799;
}
static void late_time(struct fixture *f) {
    f->object.captured_at = 253402300800;
}
static void seventeen_pairs(struct fixture *f) {
    f->pairs[16].name = "m17";
    f->object.metadata_count = 17;
}
static void no_pairs(struct fixture *f) {
    f->object.metadata = NULL;
    f->object.metadata_count = 1;
}
static void twice(struct fixture *f) {
    f->pairs[1].name = f->pairs[0].name;
    f->object.metadata_count = 2;
}
static void name_of(struct fixture *f, const char *name) {
    f->pairs[0].name = name;
    f->object.metadata_count = 1;
}
static void value_of(struct fixture *f, const char *value) {
    f->pairs[0].value = value;
    f->object.metadata_count = 1;
}
static void reserved_name(struct fixture *f) {
    name_of(f, "captured-at");
}
static void no_name(struct fixture *f) {
    name_of(f, NULL);
}
static void empty_name(struct fixture *f) {
    name_of(f, "");
}
static void upper_name(struct fixture *f) {
    name_of(f, "Fw");
}
static void long_name(struct fixture *f) {
    name_of(f, "abcdefghijklmnopqrstuvwxyz0123456");
}
static void no_value(struct fixture *f) {
    value_of(f, NULL);
}
static void empty_value(struct fixture *f) {
    value_of(f, "");
}
static void leading_space(struct fixture *f) {
    value_of(f, " v");
}
static void trailing_space(struct fixture *f) {
    value_of(f, "v ");
}
static void two_spaces(struct fixture *f) {
    value_of(f, "a  b");
}
static void control_value(struct fixture *f) {
    value_of(f, "a\tb");
}
static void utf8_value(struct fixture *f) {
    value_of(f, "\xc3\xa9");
}
static void long_value_of(struct fixture *f) {
    static char v[258];
    memset(v, 'v', 257);
    value_of(f, v);
}
static void too_much_in_all(struct fixture *f) {
    static char v[129];
    memset(v, 'v', 126);
    for (size_t i = 0; i < 16; i++) {
        f->pairs[i].value = v; // 16 * (3 + 126) = 2064
    }
    f->object.metadata_count = 16;
}
static void long_key(struct fixture *f) {
    static char key[1026];
    memset(key, 'k', 1025);
    f->object.object_key = key;
}

static void objects_that_break_the_contract_are_refused(void **state) {
    (void)state;
    static void (*const breaks[])(struct fixture *) = {
        no_object,     no_read,           no_rewind,       unknown_length,  huge,
        empty_type,    type_with_newline, no_kind,         empty_kind,      upper_kind,
        long_kind,     empty_id,          id_with_dot,     id_with_slash,   long_id,
        early_time,    late_time,         seventeen_pairs, no_pairs,        twice,
        reserved_name, no_name,           empty_name,      upper_name,      long_name,
        no_value,      empty_value,       leading_space,   trailing_space,  two_spaces,
        control_value, utf8_value,        long_value_of,   too_much_in_all, long_key,
    };
    make_sixteen_pairs();
    for (size_t i = 0; i < COUNT(breaks); i++) {
        struct fixture f;
        char which[16];
        snprintf(which, sizeof which, "break %u", (unsigned)i);
        good(&f);
        CHECK(which, thingpass_object_check(&f.object) == THINGPASS_OK);
        breaks[i](&f);
        CHECK(which, thingpass_object_check(&f.object) == THINGPASS_EINVAL);
    }
    assert_int_equal(thingpass_object_check(NULL), THINGPASS_EINVAL);
}

static void objects_at_the_limits_are_fine(void **state) {
    (void)state;
    static char value[257];
    static char key[1025];
    struct fixture f;
    make_sixteen_pairs();
    memset(value, 'v', 256);
    memset(key, 'k', 1024);
    good(&f);
    f.source.size = 0;
    f.source.content_type = NULL;
    f.source.rewindable = false;
    f.source.rewind = NULL;
    f.object.id = "0123456789012345678901234567890123456789012345678901234567890_-Z";
    f.object.kind = "abcdefghijklmnopqrstuvwxyz012-45";
    f.object.captured_at = 1577836800;
    f.object.object_key = key;
    f.object.metadata_count = 16;
    f.pairs[0].value = value;
    f.pairs[2].value = "a b c";
    assert_int_equal(thingpass_object_check(&f.object), THINGPASS_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_the_bytes_of_the_wire_vectors),
        cmocka_unit_test(every_buffer_that_is_too_small_is_noticed_and_not_overrun),
        cmocka_unit_test(a_request_for_a_pass_says_what_its_objects_have_in_common),
        cmocka_unit_test(what_a_pass_cannot_have_is_an_error_of_the_caller),
        cmocka_unit_test(strings_are_escaped),
        cmocka_unit_test(numbers_are_written_whole),
        cmocka_unit_test(objects_that_break_the_contract_are_refused),
        cmocka_unit_test(objects_at_the_limits_are_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
