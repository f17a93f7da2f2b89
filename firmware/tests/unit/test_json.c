// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "check.h"
#include "guard.h"
#include "json_judge.h"
#include "unescape.h"
#include "wire.h"

static char memory[100 * 8];

// Parses a copy of text that ends at a forbidden page; free with drop.
static int parse_n(struct thingpass_json *json, const char *text, size_t n) {
    json->text = guard_copy(text, n);
    json->count = 0;
    return thingpass_json_parse(json, json->text, n, memory, sizeof memory);
}

static int parse(struct thingpass_json *json, const char *text) {
    return parse_n(json, text, strlen(text));
}

static void drop(struct thingpass_json *json, const char *text) {
    guard_free(json->text, strlen(text));
}

static void json_is_accepted(void **state) {
    (void)state;
    static const char *const texts[] = {
        "{}",
        " \t\r\n{ \n} ",
        "{\"a\":1}",
        "{ \"a\" : 1 , \"b\" : [ ] , \"c\" : { } }",
        "{\"a\":[1,2,[3,{\"b\":[]}],\"x\",{}],\"c\":null}",
        "{\"a\":true,\"b\":false,\"c\":null}",
        "{\"a\":0,\"b\":-0,\"c\":10,\"d\":-1.5,\"e\":1e9,\"f\":1E+9,\"g\":0.5e-10}",
        "{\"\":\"\"}",
        "{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\"}",
        "{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":{\"g\":{\"h\":{}}}}}}}}}",
        "{\"a\":1,\"a\":2}",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct thingpass_json json;
        CHECK(texts[i], parse(&json, texts[i]) == THINGPASS_OK);
        drop(&json, texts[i]);
    }
}

static void what_is_not_json_is_refused(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        " ",
        "[]",
        "1",
        "\"a\"",
        "null",
        "{",
        "}",
        "{}}",
        "{}{}",
        "{} x",
        "{},",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,\"a\":1}",
        "{\"a\":1,,\"b\":2}",
        "{\"a\" 1}",
        "{\"a\"::1}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":1:2}",
        "{\"a\":\"b\" \"c\"}",
        "{\"a\":\"b\":\"c\"}",
        "{\"a\":[1 2]}",
        "{\"a\":[1,]}",
        "{\"a\":[,1]}",
        "{\"a\":[1:2]}",
        "{\"a\":[\"b\":2]}",
        "{\"a\":[}",
        "{\"a\":[1}",
        "{\"a\":]1}",
        "{\"a\":{]}",
        "{a:1}",
        "{'a':1}",
        "{1:1}",
        "{null:1}",
        "{{}:1}",
        "{[]:1}",
        "{\"a\":tru}",
        "{\"a\":nullx}",
        "{\"a\":TRUE}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":+1}",
        "{\"a\":-}",
        "{\"a\":1e}",
        "{\"a\":1e+}",
        "{\"a\":1.2.3}",
        "{\"a\":0x10}",
        "{\"a\":NaN}",
        "{\"a\":--1}",
        "{\"a\":1}/*x*/",
        "{\"a\":\"b}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"\\u12g4\"}",
        "{\"a\":\"\\",
        "{\"a\":\v1}",
        "\xef\xbb\xbf{}",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct thingpass_json json;
        CHECK(texts[i], parse(&json, texts[i]) == THINGPASS_EREPLY);
        drop(&json, texts[i]);
    }
}

static void a_nul_byte_does_not_end_the_text(void **state) {
    (void)state;
    static const char text[] = "{}\0{}";
    struct thingpass_json json;
    assert_int_equal(parse_n(&json, text, sizeof text - 1), THINGPASS_EREPLY);
    guard_free(json.text, sizeof text - 1);
    assert_int_equal(parse_n(&json, text, 3), THINGPASS_EREPLY);
    guard_free(json.text, 3);
}

static void every_truncation_is_refused(void **state) {
    (void)state;
    static const char text[] =
        "{\"a\":\"x\\u0041\\n\",\"b\":[1,2.5e3,{\"c\":null}],\"d\":{\"e\":true}}";
    for (size_t n = 0; n < sizeof text - 1; n++) {
        struct thingpass_json json;
        assert_int_equal(parse_n(&json, text, n), THINGPASS_EREPLY);
        guard_free(json.text, n);
    }
}

struct unescaped {
    char text[64];
    size_t used; // 0: it is no string
    size_t len;
};

// Unescapes text, then what follows it and a NUL, which is the last byte before a
// forbidden page.
static struct unescaped unescape(const char *text, const char *follows) {
    struct unescaped u = {"", 0, 0};
    char whole[100];
    size_t n = (size_t)snprintf(whole, sizeof whole, "%s%s", text, follows) + 1;
    char *s = guard_copy(whole, n);
    char *end = thingpass_unescape(s, &u.len);
    u.used = end != NULL ? (size_t)(end - s) : 0;
    if (end != NULL && u.len != SIZE_MAX) {
        memcpy(u.text, s, u.len);
    }
    guard_free(s, n);
    return u;
}

static void strings_are_unescaped(void **state) {
    (void)state;
    static const struct {
        const char *in;
        const char *want;
    } rows[] = {
        {"plain", "plain"},
        {"", ""},
        {"\\u0026", "&"},
        {"a\\/b\\\\c\\\"d", "a/b\\c\"d"},
        {"\\b\\f\\n\\r\\t", "\b\f\n\r\t"},
        {"\\u00e9\\u20AC", "\xc3\xa9\xe2\x82\xac"},
        {"\\ud83d\\ude00", "\xf0\x9f\x98\x80"},
        {"\\uDBFF\\uDFFF", "\xf4\x8f\xbf\xbf"},
        {"\\ud800\\udc00x", "\xf0\x90\x80\x80x"},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"\\\\u0041", "\\u0041"},
        {"\\u007f\\u0080\\u07ff\\u0800\\uffff", "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf"},
        {"\x7f", "\x7f"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct unescaped u = unescape(rows[i].in, "\"x");
        CHECK(rows[i].in, u.used == strlen(rows[i].in) + 1 && u.len == strlen(rows[i].want));
        CHECK(rows[i].in, memcmp(u.text, rows[i].want, u.len) == 0);
    }
}

static void what_json_does_not_know_is_no_string(void **state) {
    (void)state;
    static const char *const rows[] = {
        "\\",         "\\x",         "\\u", "\\u1",    "\\u12", "\\u123",     "\\u12g4",
        "\\ud800\\u", "\\ud800\\u1", "\\'", "\\U0041", "\\\n",  "\\ud800\\x",
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        CHECK(rows[i], unescape(rows[i], "\"").used == 0);
    }
    static const char *const ends[] = {
        "", "a", "\\", "\\u004", "\xc3", "\xf0\x9f\x98", "\\ud800\\udc0"};
    for (size_t i = 0; i < COUNT(ends); i++) {
        CHECK(ends[i], unescape(ends[i], "").used == 0);
    }
}

static void strings_that_cannot_be_decoded_are_spoilt(void **state) {
    (void)state;
    static const char *const rows[] = {
        "\\u0000",
        "\\ud800",
        "\\ud800x",
        "\\ud800\\n",
        "\\udc00",
        "\\ud800\\u0041",
        "\\ud800\\ud800",
        "\x1f",
        "\n",
        "\x80",
        "\xbf",
        "\xc0\xaf",
        "\xc1\xbf",
        "\xc3",
        "\xc3(",
        "\xe0\x80\x80",
        "\xe0\x9f\xbf",
        "\xed\xa0\x80",
        "\xe2\x82",
        "\xe2\x28\xa1",
        "\xe2\x82\x28",
        "\xf0\x80\x80\x80",
        "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xf0\x9f\x98",
        "\xff",
        "\xfe",
        "\xf8\x90\x80\x80\x80",
        "\\udbff\\ue000",
        "ok\\u0000ok",
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct unescaped u = unescape(rows[i], "\"x");
        CHECK(rows[i], u.used == strlen(rows[i]) + 1 && u.len == SIZE_MAX);
    }
}

static void names_may_be_escaped_as_well(void **state) {
    (void)state;
    struct thingpass_json json;
    struct thingpass_span s;
    const char *text = "{\"u\\u0072l\":\"x\"}";
    assert_int_equal(parse(&json, text), THINGPASS_OK);
    assert_int_equal(thingpass_json_string(&json, 0, "url", &s), THINGPASS_OK);
    assert_true(thingpass_span_is(s, "x"));
    drop(&json, text);
}

static void a_spoilt_string_has_no_type_but_spoils_nothing_else(void **state) {
    (void)state;
    struct thingpass_json json;
    struct thingpass_span s;
    const char *text = "{\"a\":\"\\u0000\",\"\\ud800\":1,\"b\":\"ok\",\"c\":\"\xff\"}";
    assert_int_equal(parse(&json, text), THINGPASS_OK);
    assert_int_equal(thingpass_json_string(&json, 0, "a", &s), THINGPASS_EREPLY);
    assert_int_equal(thingpass_json_string(&json, 0, "c", &s), THINGPASS_EREPLY);
    assert_int_equal(thingpass_json_string(&json, 0, "b", &s), THINGPASS_OK);
    assert_true(thingpass_span_is(s, "ok"));
    drop(&json, text);
}

static void fields_are_found_in_their_own_object_only(void **state) {
    (void)state;
    struct thingpass_json json;
    const char *text =
        "{\"x\":{\"id\":\"inner\"},\"y\":[{\"id\":\"deep\"}],\"z\":\"id\",\"id\":\"outer\"}";
    struct thingpass_span s;
    assert_int_equal(parse(&json, text), THINGPASS_OK);
    assert_int_equal(thingpass_json_string(&json, 0, "id", &s), THINGPASS_OK);
    assert_true(thingpass_span_is(s, "outer"));
    int x = thingpass_json_find(&json, 0, "x");
    assert_int_equal(thingpass_json_string(&json, x, "id", &s), THINGPASS_OK);
    assert_true(thingpass_span_is(s, "inner"));
    int y = thingpass_json_first(&json, thingpass_json_find(&json, 0, "y"));
    assert_int_equal(thingpass_json_string(&json, y, "id", &s), THINGPASS_OK);
    assert_true(thingpass_span_is(s, "deep"));
    assert_int_equal(thingpass_json_next(&json, y), 0);
    assert_int_equal(thingpass_json_find(&json, 0, "deep"), 0);
    assert_int_equal(thingpass_json_find(&json, y + 1, "id"), 0); // not an object
    assert_int_equal(thingpass_json_find(&json, 1000, "id"), 0);
    assert_int_equal(thingpass_json_find(&json, -1, "id"), 0);
    drop(&json, text);
}

static void a_doubled_field_is_refused_where_it_is_used(void **state) {
    (void)state;
    struct thingpass_json json;
    struct thingpass_span s;
    uint64_t n;
    const char *text = "{\"a\":\"1\",\"b\":2,\"\\u0061\":\"3\",\"b\":4,\"c\":5}";
    assert_int_equal(parse(&json, text), THINGPASS_OK);
    assert_int_equal(thingpass_json_find(&json, 0, "a"), THINGPASS_EREPLY);
    assert_int_equal(thingpass_json_string(&json, 0, "a", &s), THINGPASS_EREPLY);
    assert_int_equal(thingpass_json_u64(&json, 0, "b", &n), THINGPASS_EREPLY);
    assert_int_equal(thingpass_json_u64(&json, 0, "c", &n), THINGPASS_OK);
    drop(&json, text);
}

static void integers_are_read_strictly(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int want;
        uint64_t value;
    } rows[] = {
        {"{\"n\":0}", THINGPASS_OK, 0},
        {"{\"n\":1795424400}", THINGPASS_OK, 1795424400},
        {"{\"n\":9999999999999999999}", THINGPASS_OK, 9999999999999999999u},
        {"{\"n\":18446744073709551616}", THINGPASS_EREPLY, 0},
        {"{\"n\":99999999999999999999999999}", THINGPASS_EREPLY, 0},
        {"{\"n\":-1}", THINGPASS_EREPLY, 0},
        {"{\"n\":1.0}", THINGPASS_EREPLY, 0},
        {"{\"n\":1e3}", THINGPASS_EREPLY, 0},
        {"{\"n\":\"1\"}", THINGPASS_EREPLY, 0},
        {"{\"n\":true}", THINGPASS_EREPLY, 0},
        {"{\"n\":null}", THINGPASS_EREPLY, 0},
        {"{\"n\":[1]}", THINGPASS_EREPLY, 0},
        {"{\"m\":1}", THINGPASS_EREPLY, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct thingpass_json json;
        uint64_t n = 77;
        assert_int_equal(parse(&json, rows[i].text), THINGPASS_OK);
        CHECK(rows[i].text, thingpass_json_u64(&json, 0, "n", &n) == rows[i].want);
        CHECK(rows[i].text, n == rows[i].value);
        drop(&json, rows[i].text);
    }
}

static void too_little_memory_is_told_apart_from_bad_json(void **state) {
    (void)state;
    static const char text[] = "{\"a\":[1,2,3],\"b\":{\"c\":\"d\"}}";
    enum { nodes = 10, node_size = 8 };
    for (size_t skew = 0; skew < 4; skew++) {
        for (size_t size = 0; size <= nodes * node_size + 1; size++) {
            char *mem = guard_alloc(size + skew);
            char copy[sizeof text];
            memcpy(copy, text, sizeof text);
            struct thingpass_json json;
            size_t pad = (uintptr_t)(mem + skew) % 2;
            int want = size >= nodes * node_size + pad ? THINGPASS_OK : THINGPASS_ESPACE;
            assert_int_equal(thingpass_json_parse(&json, copy, sizeof text - 1, mem + skew, size),
                             want);
            guard_free(mem, size + skew);
        }
    }
}

static void a_text_beyond_64_kb_is_refused(void **state) {
    (void)state;
    enum { most = 65535 };
    static char text[most + 1];
    struct thingpass_json json;
    for (size_t n = most; n <= most + 1; n++) {
        memset(text, ' ', n);
        text[0] = '{';
        text[n - 1] = '}';
        int want = n == most ? THINGPASS_OK : THINGPASS_ESPACE;
        assert_int_equal(thingpass_json_parse(&json, text, n, memory, sizeof memory), want);
    }
}

static void deep_nesting_needs_no_stack(void **state) {
    (void)state;
    static const struct {
        size_t depth;
        int want;
    } rows[] = {{98, THINGPASS_OK}, {99, THINGPASS_ESPACE}, {30000, THINGPASS_ESPACE}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        static char text[60100];
        size_t n = rows[i].depth;
        strcpy(text, "{\"a\":");
        memset(text + 5, '[', n);
        memset(text + 5 + n, ']', n);
        strcpy(text + 5 + 2 * n, "}");
        struct thingpass_json json;
        assert_int_equal(parse(&json, text), rows[i].want);
        drop(&json, text);
    }
}

static void the_nodes_are_those_that_the_judge_sees(void **state) {
    (void)state;
    static const char *const texts[] = {
        "{\"a\":[1,[2,[]],{\"b\":{}}],\"c\":\"\\u00e9\\ud83d\\ude00\",\"d\":-1.5e+9}",
        " { \"\" : [ { } , [ ] , \"\xc3\xa9\" , null ] , \"a\" : true , \"a\" : false } ",
        "{\"\\ud800\":\"\\u0000\",\"x\":[\"\x01\",\"\xff\",\"\\ud800\\u0041\"]}",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct thingpass_json json;
        assert_int_equal(parse(&json, texts[i]), THINGPASS_OK);
        CHECK(texts[i], json_judge(&json, texts[i], strlen(texts[i])) == NULL);
        drop(&json, texts[i]);
    }
    struct wire_file *files;
    size_t n = wire_read(".reply.json", &files);
    for (size_t i = 0; i < n; i++) {
        struct thingpass_json json;
        static char nodes[8000];
        char *text = guard_copy(files[i].data, files[i].len);
        int err = thingpass_json_parse(&json, text, files[i].len, nodes, sizeof nodes);
        CHECK(files[i].name, err == THINGPASS_OK);
        CHECK(files[i].name, json_judge(&json, files[i].data, files[i].len) == NULL);
        guard_free(text, files[i].len);
    }
    wire_free(files, n);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_is_accepted),
        cmocka_unit_test(what_is_not_json_is_refused),
        cmocka_unit_test(a_nul_byte_does_not_end_the_text),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(strings_are_unescaped),
        cmocka_unit_test(what_json_does_not_know_is_no_string),
        cmocka_unit_test(strings_that_cannot_be_decoded_are_spoilt),
        cmocka_unit_test(names_may_be_escaped_as_well),
        cmocka_unit_test(a_spoilt_string_has_no_type_but_spoils_nothing_else),
        cmocka_unit_test(fields_are_found_in_their_own_object_only),
        cmocka_unit_test(a_doubled_field_is_refused_where_it_is_used),
        cmocka_unit_test(integers_are_read_strictly),
        cmocka_unit_test(too_little_memory_is_told_apart_from_bad_json),
        cmocka_unit_test(a_text_beyond_64_kb_is_refused),
        cmocka_unit_test(deep_nesting_needs_no_stack),
        cmocka_unit_test(the_nodes_are_those_that_the_judge_sees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
