// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// The command line: one table of what is wrong with its exact sentence, one of
// what is right.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "options_table.h"
#include "thingpass/credentials.h"

#define GOOD "--name cam1 --server h:1 --ca ca.pem --cert c.pem --key k.pem "

static struct thingpass_options options;
static struct thingpass_why why;
static char words[8192];
static char *arguments[128];

// Parses a line; words are separated by one space, "_" stands for a space.
static int parse(const char *line) {
    int count = 0;
    (void)snprintf(words, sizeof words, "%s", line);
    arguments[count++] = (char *)(uintptr_t) "thingpass-thing";
    for (char *w = strtok(words, " "); w != NULL; w = strtok(NULL, " ")) {
        for (char *c = w; *c != '\0'; c++) {
            *c = *c == '_' ? ' ' : *c;
        }
        arguments[count++] = w;
    }
    arguments[count] = NULL;
    memset(&options, 0xa5, sizeof options);
    why.text[0] = '\0';
    return thingpass_options_parse(&options, count, arguments, &why);
}

static void good(const char *more) {
    char line[8192];
    (void)snprintf(line, sizeof line, GOOD "%s", more);
    if (parse(line) != THINGPASS_OK) {
        fail_msg("%s: %s", more, why.text);
    }
}

static void bad(const char *line, const char *sentence) {
    assert_int_equal(parse(line), THINGPASS_EINVAL);
    assert_string_equal(why.text, sentence);
}

static void bad_more(const char *more, const char *sentence) {
    char line[8192];
    (void)snprintf(line, sizeof line, GOOD "%s", more);
    bad(line, sentence);
}

static void what_is_missing_is_named(void **state) {
    (void)state;
    bad("", "--name THING is missing: the name in its certificate");
    bad("--name cam1", "--server HOST:PORT is missing: the MQTT server");
    bad("--name cam1 --server h",
        "--ca FILE is missing: the CA that signed the server's certificate");
    bad("--name cam1 --server h --ca f", "--cert FILE is missing: the thing's certificate");
    bad("--name cam1 --server h --ca f --cert f", "--key FILE is missing: the thing's key");
}

static void what_is_unknown_is_named(void **state) {
    (void)state;
    bad_more("--sceen VGA", "--sceen: no such option, or it takes no value; --help lists all");
    bad_more("-x", "-x: no such option, or it takes no value; --help lists all");
    bad_more("--json=1", "--json=1: no such option, or it takes no value; --help lists all");
    bad_more("photo.jpg", "\"photo.jpg\" is not an option; --help lists all");
    bad_more("--count", "--count needs a value");
}

static void odd_values_are_refused(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"--name cam/1", "--name: \"cam/1\" is not 1 to 128 of A-Z a-z 0-9 :_-"},
        {"--name +", "--name: \"+\" is not 1 to 128 of A-Z a-z 0-9 :_-"},
        {"--kind Photo", "--kind: \"Photo\" is not 1 to 32 of a-z 0-9 -"},
        {"--server :8883", "--server: \":8883\" is not HOST:PORT, such as 192.168.1.10:8883"},
        {"--server h:0", "--server: \"h:0\" is not HOST:PORT, such as 192.168.1.10:8883"},
        {"--server h:65536", "--server: \"h:65536\" is not HOST:PORT, such as 192.168.1.10:8883"},
        {"--server h:1:2", "--server: \"h:1:2\" is not HOST:PORT, such as 192.168.1.10:8883"},
        {"--server h:", "--server: \"h:\" is not HOST:PORT, such as 192.168.1.10:8883"},
        {"--server [::1", "--server: \"[::1\" is not HOST:PORT, such as 192.168.1.10:8883"},
        {"--server mqtts://h:1",
         "--server: \"mqtts://h:1\" is not HOST:PORT, such as 192.168.1.10:8883"},
        {"--mqtt 4", "--mqtt: \"4\" is neither 5 nor 3.1.1"},
        {"--mode Pass", "--mode: \"Pass\" is none of put, pass, multipart, credentials"},
        {"--verify me", "--verify: \"me\" is none of broker, s3, later"},
        {"--sha256 yes", "--sha256: \"yes\" is neither on nor off"},
        {"--scene HD", "\"HD\" is not a picture size; give QVGA, VGA, SVGA, XGA, SXGA, UXGA or WxH "
                       "from 16x16 to 4096x4096"},
        {"--count 0", "--count: \"0\" is not a whole number from 1 to 4294967295"},
        {"--count -1", "--count: \"-1\" is not a whole number from 1 to 4294967295"},
        {"--count 1.5", "--count: \"1.5\" is not a whole number from 1 to 4294967295"},
        {"--count 0x10", "--count: \"0x10\" is not a whole number from 1 to 4294967295"},
        {"--count _1", "--count: \" 1\" is not a whole number from 1 to 4294967295"},
        {"--count 99999999999999999999999",
         "--count: \"99999999999999999999999\" is not a whole number from 1 to 4294967295"},
        {"--interval 2s", "--interval: \"2s\" is not a whole number from 0 to 86400000"},
        {"--deadline 0", "--deadline: \"0\" is not a whole number from 1 to 86400"},
        {"--ask-wait 9", "--ask-wait: \"9\" is not a whole number from 10 to 600000"},
        {"--noise 65", "--noise: \"65\" is not a whole number from 0 to 64"},
        {"--seed 4294967296", "--seed: \"4294967296\" is not a whole number from 0 to 4294967295"},
        {"--rate 0", "--rate: \"0\" is not a whole number from 1 to 1000000000"},
        {"--cut-after 0", "--cut-after: \"0\" is not a whole number from 1 to 9223372036854775807"},
        {"--cut-after 10,0", "--cut-after: \"0\" is not a whole number from 1 to 1000000"},
        {"--cut-after 10,", "--cut-after: \"\" is not a whole number from 1 to 1000000"},
        {"--latency 0", "--latency: \"0\" is not a whole number from 1 to 60000"},
        {"--cut-every 0", "--cut-every: \"0\" is not a whole number from 1 to 86400000"},
        {"--cut-random x,1", "--cut-random: \"x\" is not a whole number from 0 to 4294967295"},
        {"--cut-random 1", "--cut-random SEED,TIMES: TIMES is missing"},
        {"--cut-random 1,", "--cut-random: \"\" is not a whole number from 1 to 1000000"},
        {"--cut-random 1,2,0",
         "--cut-random: \"0\" is not a whole number from 1 to 9223372036854775807"},
        {"--cut-random 1,2,3,4",
         "--cut-random: \"3,4\" is not a whole number from 1 to 9223372036854775807"},
        {"--attempts 256", "--attempts: \"256\" is not a whole number from 1 to 255"},
        {"--retry-wait 9", "--retry-wait: \"9\" is not a whole number from 10 to 600000"},
        {"--retry-wait 20,19", "--retry-wait: \"19\" is not a whole number from 20 to 600000"},
        {"--io-timeout 9", "--io-timeout: \"9\" is not a whole number from 10 to 600000"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bad_more(cases[i][0], cases[i][1]);
    }
}

static void metadata_is_held_to_the_protocol(void **state) {
    (void)state;
    static const char form[] =
        "--metadata: \"%s\" is not name=value; a name has 1 to 32 of a-z 0-9 -";
    static const char *const malformed[] = {"fw", "=1", "Fw=1", "f_w=1",
                                            "abcdefghijklmnopqrstuvwxyz0123456=1"};
    char sentence[256];
    char line[512];
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        (void)snprintf(line, sizeof line, "--metadata %s", malformed[i]);
        assert_int_equal(parse(line), THINGPASS_EINVAL);
        (void)snprintf(sentence, sizeof sentence, form, arguments[2]);
        assert_string_equal(why.text, sentence);
    }
    static const char value[] = "--metadata: the value of a must be at most 256 printable ASCII "
                                "characters, with single spaces inside only";
    static const char *const values[] = {"a=_b",   "a=b_",   "a=b__c",
                                         "a=\x01", "a=\x7f", "a=\xc3\xa4"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        (void)snprintf(line, sizeof line, "--metadata %s", values[i]);
        bad_more(line, value);
    }
    (void)snprintf(line, sizeof line, "--metadata a=%0257d", 1);
    bad_more(line, value);
    bad_more("--metadata a=1 --metadata b=2 --metadata a=3", "--metadata: a is given twice");
}

static void there_is_a_limit_to_metadata(void **state) {
    (void)state;
    static const char much[] = "--metadata: too much of it; at most 16 pairs and 2048 bytes";
    char line[8192] = "";
    size_t used = 0;
    for (int i = 0; i < 16; i++) {
        used += (size_t)snprintf(line + used, sizeof line - used, "--metadata n%02d=%0125d ", i, i);
    }
    good(line); // 16 pairs of 3 + 125 bytes are 2048
    assert_int_equal(options.metadata_count, 16);
    (void)snprintf(line + used, sizeof line - used, "--metadata n16=");
    bad_more(line, much);
    used = 0;
    for (int i = 0; i < 8; i++) {
        used += (size_t)snprintf(line + used, sizeof line - used, "--metadata n%d=%0254d ", i, i);
    }
    good(line);
    (void)snprintf(line + used, sizeof line - used, "--metadata x=");
    bad_more(line, much);
}

static void contradictions_are_refused(void **state) {
    (void)state;
    bad_more("--camera d --scene VGA", "--camera and --scene: there is one camera; leave one out");
    bad_more("--camera d --seed 1", "--seed goes with --scene, not with --camera");
    bad_more("--camera d --noise 1", "--noise goes with --scene, not with --camera");
    bad_more("--loop", "--loop goes with --camera; a scene never ends");
    bad_more("--mode multipart --sha256 off",
             "--sha256 off is a one-pass camera; --mode multipart reads each photo twice");
    good("--mode multipart");
    assert_ptr_equal(options.mode, &thingpass_mode_multipart);
    char line[1024] = "--mode pass ";
    for (int i = 0; i < 15; i++) {
        (void)snprintf(line + strlen(line), 32, "--metadata n%d=v ", i);
    }
    good(line);
    strcat(line, "--metadata m=v");
    bad_more(line, "--mode pass takes at most 15 --metadata: captured-at is the sixteenth");
    bad_more("--cut-after 9 --cut-random 1,2", "--cut-after and --cut-random: leave one out");
    bad_more("--quiet --verbose", "--quiet and --verbose: leave one out");
}

static void defaults_are_as_the_help_says(void **state) {
    (void)state;
    good("");
    assert_string_equal(options.name, "cam1");
    assert_string_equal(options.host, "h");
    assert_int_equal(options.port, 1);
    assert_string_equal(options.s3_ca_file, "ca.pem");
    assert_string_equal(options.root, "thingpass");
    assert_int_equal(options.mqtt_version, 4);
    assert_null(options.folder);
    assert_int_equal(options.scene.width, 640);
    assert_int_equal(options.scene.height, 480);
    assert_int_equal(options.scene.noise, 8);
    assert_false(options.scene.seeded);
    assert_string_equal(options.scene.thing, "cam1");
    assert_int_equal(options.count, 0);
    assert_int_equal(options.interval_ms, 1000);
    assert_int_equal(options.scene.interval_ms, 1000);
    assert_int_equal(options.deadline_s, 120);
    assert_int_equal(options.timing.ask_wait_ms, 0);
    assert_int_equal(options.timing.retry_wait_ms, 0);
    assert_int_equal(options.timing.io_timeout_ms, 0);
    assert_string_equal(options.kind, "photo");
    assert_ptr_equal(options.mode, &thingpass_mode_put);
    assert_int_equal(options.verify, THINGPASS_VERIFY_BROKER);
    assert_int_equal(options.metadata_count, 0);
    assert_true(options.sha256);
    assert_null(options.save);
    assert_int_equal(options.link.rate, 0);
    assert_int_equal(options.link.latency_ms, 0);
    assert_int_equal(options.link.cuts, 0);
    assert_int_equal(options.link.cut_every_ms, 0);
    assert_int_equal(options.level, THINGPASS_SAY_NOTICE);
    assert_false(options.json);
    assert_false(options.help);
}

static void everything_can_be_set(void **state) {
    (void)state;
    good(
        "--server [fe80::1]:99 --s3-ca s3.pem --root a/b --mqtt 5 --scene 100x50 --seed 7 --noise "
        "0 "
        "--count 3 --interval 0 --deadline 9 --ask-wait 100 --kind log --mode pass --verify s3 "
        "--metadata "
        "fw=1.4_rc=2 "
        "--metadata empty= --sha256 off --save out --rate 1000 --cut-after 5000,3 "
        "--latency 100 --cut-every 60000 --retry-wait 20,100 --attempts 3 --io-timeout 2000 --json "
        "--quiet");
    assert_ptr_equal(options.mode, &thingpass_mode_pass);
    assert_string_equal(options.host, "fe80::1");
    assert_int_equal(options.port, 99);
    assert_string_equal(options.s3_ca_file, "s3.pem");
    assert_string_equal(options.root, "a/b");
    assert_int_equal(options.mqtt_version, 5);
    assert_int_equal(options.scene.width, 100);
    assert_int_equal(options.scene.height, 50);
    assert_true(options.scene.seeded);
    assert_int_equal(options.scene.seed, 7);
    assert_int_equal(options.scene.noise, 0);
    assert_int_equal(options.count, 3);
    assert_int_equal(options.interval_ms, 0);
    assert_int_equal(options.scene.interval_ms, 0);
    assert_int_equal(options.deadline_s, 9);
    assert_int_equal(options.timing.ask_wait_ms, 100);
    assert_string_equal(options.kind, "log");
    assert_int_equal(options.verify, THINGPASS_VERIFY_S3);
    assert_int_equal(options.metadata_count, 2);
    assert_string_equal(options.metadata[0].name, "fw");
    assert_string_equal(options.metadata[0].value, "1.4 rc=2");
    assert_string_equal(options.metadata[1].name, "empty");
    assert_string_equal(options.metadata[1].value, "");
    assert_false(options.sha256);
    assert_string_equal(options.save, "out");
    assert_int_equal(options.timing.retry_wait_ms, 20);
    assert_int_equal(options.timing.wait_max_ms, 100);
    assert_int_equal(options.timing.max_puts, 3);
    assert_int_equal(options.timing.io_timeout_ms, 2000);
    assert_int_equal(options.link.rate, 1000);
    assert_int_equal(options.link.latency_ms, 100);
    assert_int_equal(options.link.cut_after, 5000);
    assert_int_equal(options.link.cuts, 3);
    assert_int_equal(options.link.cut_every_ms, 60000);
    assert_true(options.json);
    assert_int_equal(options.level, THINGPASS_SAY_ERROR);
    good("--cut-random 7,10");
    assert_int_equal(options.link.cut_seed, 7);
    assert_int_equal(options.link.cuts, 10);
    assert_int_equal(options.link.cut_within, 65536);
    good("--cut-random 0,1,5242880");
    assert_int_equal(options.link.cut_within, 5242880);
    good("--camera d --loop --verbose --server cam-hub.lan");
    assert_string_equal(options.folder, "d");
    assert_true(options.loop);
    assert_int_equal(options.level, THINGPASS_SAY_DETAIL);
    assert_string_equal(options.host, "cam-hub.lan");
    assert_int_equal(options.port, 8883);
}

static void two_things_without_a_seed_do_not_look_alike(void **state) {
    (void)state;
    good("");
    uint32_t first = options.scene.seed;
    good("");
    assert_int_not_equal(options.scene.seed, first);
}

static void the_first_word_is_a_command(void **state) {
    (void)state;
    assert_int_equal(parse("camera " GOOD "--count 3"), THINGPASS_OK);
    assert_int_equal(options.command, THINGPASS_COMMAND_CAMERA);
    assert_int_equal(options.count, 3);
    assert_int_equal(parse("upload " GOOD "a.log --type text/csv b.csv"), THINGPASS_OK);
    assert_int_equal(options.command, THINGPASS_COMMAND_UPLOAD);
    assert_int_equal(options.file_count, 2);
    assert_string_equal(options.files[0], "a.log");
    assert_string_equal(options.files[1], "b.csv");
    assert_string_equal(options.type, "text/csv");
    assert_string_equal(options.kind, "log");
    assert_null(options.mode); // by each file's size
    assert_int_equal(options.interval_ms, 0);
    assert_int_equal(options.deadline_s, 3600);
    assert_int_equal(parse("upload " GOOD "--id boot-1 --kind shot --mode put --deadline 5 a.jpg"),
                     THINGPASS_OK);
    assert_string_equal(options.id, "boot-1");
    assert_string_equal(options.kind, "shot");
    assert_ptr_equal(options.mode, &thingpass_mode_put);
    assert_int_equal(options.deadline_s, 5);
    bad("upload " GOOD, "upload FILE…: the files are missing");
    bad("upload " GOOD "--id x a b", "--id is for one file; there are more");
    bad("upload " GOOD "--id x/y a", "--id: \"x/y\" is not 1 to 64 of A-Z a-z 0-9 _-");
    bad("upload " GOOD "--scene VGA a", "--scene does not go with upload");
    bad("camera " GOOD "--id x", "--id does not go with camera");
    bad(GOOD "--type text/plain", "--type does not go with camera");
    bad("uplaod " GOOD, "\"uplaod\" is neither a command (camera, upload, drain, download, "
                        "provision) nor an option; "
                        "--help lists all");
}

#define CLAIM                                                                                      \
    "provision --server h:1 --ca ca.crt --claim-cert c.crt --claim-key c.key --template T "        \
    "--store s "

static void provisioning_has_a_claim_and_a_store(void **state) {
    (void)state;
    assert_int_equal(parse(CLAIM "--serial 7 --thing cam-7 --parameter Site=a=b"), THINGPASS_OK);
    assert_string_equal(options.thing, "cam-7");
    assert_int_equal(options.command, THINGPASS_COMMAND_PROVISION);
    assert_string_equal(options.cert_file, "c.crt");
    assert_string_equal(options.key_file, "c.key");
    assert_string_equal(options.template_name, "T");
    assert_string_equal(options.store, "s");
    assert_int_equal(options.parameter_count, 2);
    assert_string_equal(options.parameters[0].name, "SerialNumber");
    assert_string_equal(options.parameters[0].value, "7");
    assert_string_equal(options.parameters[1].name, "Site");
    assert_string_equal(options.parameters[1].value, "a=b");
    assert_null(options.name);
    assert_int_equal(options.deadline_s, 120);
    bad("provision --server h:1 --ca c --claim-key k --template T --store s",
        "--claim-cert FILE is missing: the claim's certificate");
    bad("provision --server h:1 --ca c --claim-cert k --template T --store s",
        "--claim-key FILE is missing: the claim's key");
    bad("provision --server h:1 --ca c --claim-cert c --claim-key k --store s",
        "--template NAME is missing: the provisioning template");
    bad("provision --server h:1 --ca c --claim-cert c --claim-key k --template T",
        "--store DIR is missing: the folder that the identity goes to");
    bad(CLAIM "--serial 7 --serial 8", "the parameter SerialNumber is given twice");
    bad(CLAIM "--parameter x", "--parameter: \"x\" is not NAME=VALUE");
    bad(CLAIM "--parameter =x",
        "a template's parameter has a name of 1 to 63 bytes and a value of at most 256");
    bad(CLAIM "--parameter a=1 --parameter b=1 --parameter c=1 --parameter d=1 --parameter e=1 "
              "--parameter f=1 --parameter g=1 --parameter h=1 --parameter i=1",
        "at most 8 --parameter and --serial");
    bad(CLAIM "--cert x", "--cert does not go with provision");
    bad(CLAIM "--count 1", "--count does not go with provision");
    bad(GOOD "--template T", "--template does not go with camera");
}

static void a_store_says_who_the_thing_is(void **state) {
    (void)state;
    assert_int_equal(parse("camera --store s --server h:1 --ca ca.crt"), THINGPASS_OK);
    assert_string_equal(options.store, "s");
    bad("camera --store s --name x --server h:1 --ca ca.crt",
        "--store says who the thing is: leave --name, --cert and --key out");
    bad(GOOD "--store s", "--store says who the thing is: leave --name, --cert and --key out");
    bad("camera --store s --ca ca.crt", "--server HOST:PORT is missing: the MQTT server");
}

static void a_download_has_a_name_and_a_file(void **state) {
    (void)state;
    assert_int_equal(parse("download " GOOD "--to /tmp/x"), THINGPASS_OK);
    assert_int_equal(options.command, THINGPASS_COMMAND_DOWNLOAD);
    assert_string_equal(options.to, "/tmp/x");
    assert_int_equal(options.file_count, 0);
    assert_string_equal(options.kind, "firmware");
    assert_int_equal(options.deadline_s, 3600);
    assert_int_equal(options.max_size, 0);
    assert_int_equal(
        parse("download " GOOD "1.4.3 --to x --group cams --max-size 1000 --kind notice"),
        THINGPASS_OK);
    assert_string_equal(options.files[0], "1.4.3");
    assert_string_equal(options.group, "cams");
    assert_int_equal(options.max_size, 1000);
    assert_string_equal(options.kind, "notice");
    assert_int_equal(parse("download " GOOD "--to x --kind log --object-key cam1/log/a.gz"),
                     THINGPASS_OK);
    assert_string_equal(options.object_key, "cam1/log/a.gz");
    bad("download " GOOD "1.4.3", "download [NAME] --to FILE: the file is missing");
    bad("download " GOOD "--to x a b", "download fetches one file; there are more names");
    bad("download " GOOD "--to x --object-key k a",
        "NAME is of a shared object, --object-key of the thing's own: leave one out");
    bad("download " GOOD "--to x --mode put", "--mode does not go with download");
    bad("upload " GOOD "--to x a", "--to does not go with upload");
    bad("drain " GOOD "--spool d x", "\"x\" is not an option; --help lists all");
}

static void a_spool_has_bounds_and_a_policy(void **state) {
    (void)state;
    good("");
    assert_null(options.spool);
    good("--spool d");
    assert_string_equal(options.spool, "d");
    assert_int_equal(options.spool_bytes, 64 << 20);
    assert_int_equal(options.spool_count, 10000);
    assert_false(options.spool_refuse);
    assert_false(options.spool_first);
    good("--spool d --spool-bytes 4096 --spool-count 5 --spool-full refuse --spool-first --offline "
         "3,7 --count 9 --captured-every 30");
    assert_int_equal(options.spool_bytes, 4096);
    assert_int_equal(options.spool_count, 5);
    assert_true(options.spool_refuse);
    assert_true(options.spool_first);
    assert_int_equal(options.offline_first, 3);
    assert_int_equal(options.offline_count, 7);
    assert_int_equal(options.captured_every_s, 30);
    assert_int_equal(parse("drain " GOOD "--spool d"), THINGPASS_OK);
    assert_int_equal(options.command, THINGPASS_COMMAND_DRAIN);
    bad("drain " GOOD, "drain --spool DIR: the spool is missing");
    bad("drain " GOOD "--spool d --scene VGA", "--scene does not go with drain");
    bad("drain " GOOD "--spool d x", "\"x\" is not an option; --help lists all");
    bad_more("--spool d --spool-full maybe", "--spool-full: \"maybe\" is neither refuse nor drop");
    bad_more("--spool d --offline 3", "--offline FIRST,COUNT: COUNT is missing");
    bad_more("--spool d --offline 0,3",
             "--offline: \"0\" is not a whole number from 1 to 4294967295");
    good("--spool d --offline 3,7 --offline-every 20");
    assert_int_equal(options.offline_every, 20);
    bad_more("--spool d --offline 3,7 --offline-every 7",
             "--offline-every goes with --offline, whose COUNT is less");
    bad_more("--spool d --offline-every 7", "--offline-every goes with --offline FIRST,COUNT");
    bad_more("--offline 3,4", "--offline goes with --spool; without one every photo would be lost");
    bad_more("--spool-first", "--spool-first goes with --spool");
    bad_more("--captured-every 30", "--captured-every goes with --count: the last photo is of now");
}

static void credentials_come_from_the_broker_or_a_provider(void **state) {
    (void)state;
    good("--mode credentials --credentials provider");
    assert_ptr_equal(options.mode, &thingpass_mode_credentials);
    assert_true(options.provider);
    good("--mode credentials");
    assert_false(options.provider);
    bad_more("--credentials session", "--credentials goes with --mode credentials");
}

static void a_camera_can_look_for_motion(void **state) {
    (void)state;
    good("--motion --heartbeat 60 --cooldown 100 --moving 3,9 --sensors");
    assert_true(options.motion);
    assert_true(options.sensors);
    assert_int_equal(options.heartbeat_s, 60);
    assert_int_equal(options.cooldown_ms, 100);
    assert_int_equal(options.scene.moving_first, 3);
    assert_int_equal(options.scene.moving_count, 9);
    bad_more("--heartbeat 60", "--heartbeat and --cooldown go with --motion");
    bad_more("--moving 3", "--moving FIRST,COUNT: COUNT is missing");
    bad_more("--camera d --moving 3,1", "--moving goes with --scene, not with --camera");
}

// Every option is in the help, with the same name.
static void the_help_names_every_option(void **state) {
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    thingpass_options_help(f);
    assert_int_equal(fclose(f), 0);
    for (size_t i = 0; thingpass_option_table[i].name != NULL; i++) {
        char entry[32];
        size_t length =
            (size_t)snprintf(entry, sizeof entry, "\n  --%s", thingpass_option_table[i].name);
        const char *at = strstr(text, entry);
        if (at == NULL || (at[length] != ' ' && at[length] != '\n')) {
            fail_msg("%s is not in the help", thingpass_option_table[i].name);
        }
    }
    free(text);
    assert_int_equal(parse("--help --count 3"), THINGPASS_OK);
    assert_true(options.help);
    assert_int_equal(parse("-h"), THINGPASS_OK);
    assert_true(options.help);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_missing_is_named),
        cmocka_unit_test(what_is_unknown_is_named),
        cmocka_unit_test(odd_values_are_refused),
        cmocka_unit_test(metadata_is_held_to_the_protocol),
        cmocka_unit_test(there_is_a_limit_to_metadata),
        cmocka_unit_test(contradictions_are_refused),
        cmocka_unit_test(defaults_are_as_the_help_says),
        cmocka_unit_test(everything_can_be_set),
        cmocka_unit_test(two_things_without_a_seed_do_not_look_alike),
        cmocka_unit_test(the_first_word_is_a_command),
        cmocka_unit_test(provisioning_has_a_claim_and_a_store),
        cmocka_unit_test(a_store_says_who_the_thing_is),
        cmocka_unit_test(a_download_has_a_name_and_a_file),
        cmocka_unit_test(a_spool_has_bounds_and_a_policy),
        cmocka_unit_test(credentials_come_from_the_broker_or_a_provider),
        cmocka_unit_test(a_camera_can_look_for_motion),
        cmocka_unit_test(the_help_names_every_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
