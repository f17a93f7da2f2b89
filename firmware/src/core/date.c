// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "date.h"

#include <string.h>

enum {
    day_s = 86400,
    first_day = 10957, // 2000-01-01, in days since 1970
    days_in_all = 36525,
    days_in_four = 1461 // years, the first of which has the leap day
};

enum { YEAR, MONTH, DAY, HOUR, MINUTE, SECOND, FIELDS };

static uint32_t days_in_month(uint32_t year, uint32_t month) {
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && year % 4 == 0 ? 1U : 0);
}

uint32_t thingpass_date_seconds(int64_t unix_s) {
    const int64_t first = (int64_t)first_day * day_s;
    bool inside = unix_s >= first && unix_s < first + (int64_t)days_in_all * day_s;
    return inside ? (uint32_t)unix_s : 0;
}

static void split(uint32_t unix_s, uint32_t f[FIELDS]) {
    uint32_t days = unix_s / day_s - first_day;
    uint32_t rest = unix_s % day_s;
    f[YEAR] = 2000 + days / days_in_four * 4;
    days %= days_in_four;
    for (uint32_t n = 366; days >= n; n = 365) {
        days -= n;
        f[YEAR]++;
    }
    f[MONTH] = 1;
    for (uint32_t n; days >= (n = days_in_month(f[YEAR], f[MONTH])); f[MONTH]++) {
        days -= n;
    }
    f[DAY] = days + 1;
    f[HOUR] = rest / 3600;
    f[MINUTE] = rest / 60 % 60;
    f[SECOND] = rest % 60;
}

// The other way; 0 if there is no such moment.
static uint32_t join(const uint32_t f[FIELDS]) {
    if (f[YEAR] < 2000 || f[YEAR] > 2099 || f[MONTH] < 1 || f[MONTH] > 12 || f[DAY] < 1 ||
        f[DAY] > days_in_month(f[YEAR], f[MONTH]) || f[HOUR] > 23 || f[MINUTE] > 59 ||
        f[SECOND] > 59) {
        return 0;
    }
    uint32_t year = f[YEAR] - 2000;
    uint32_t days = first_day + year * 365 + (year + 3) / 4 + f[DAY] - 1;
    for (uint32_t month = 1; month < f[MONTH]; month++) {
        days += days_in_month(f[YEAR], month);
    }
    return days * day_s + f[HOUR] * 3600 + f[MINUTE] * 60 + f[SECOND];
}

// In the patterns of this file, digits stand for digits of the field that they
// number, and N for the name of a month.
static void put(struct thingpass_writer *w, const char *pattern, uint32_t unix_s) {
    uint32_t f[FIELDS];
    char text[20];
    size_t n = strlen(pattern);
    split(unix_s, f);
    for (size_t i = n; i-- > 0;) {
        text[i] = pattern[i];
        if (thingpass_is_digit(pattern[i])) {
            uint32_t *field = &f[pattern[i] - '0'];
            text[i] = (char)('0' + *field % 10);
            *field /= 10;
        }
    }
    struct thingpass_span s = {text, n};
    thingpass_put(w, s);
}

void thingpass_put_date_time(struct thingpass_writer *w, uint32_t unix_s) {
    put(w, "00001122T334455Z", unix_s);
}

void thingpass_put_date_path(struct thingpass_writer *w, uint32_t unix_s) {
    put(w, "0000/11/22", unix_s);
}

static uint32_t month_named(const char *name) {
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (uint32_t i = 0; i < 12; i++) {
        if (memcmp(names + i * 3, name, 3) == 0) {
            return i + 1;
        }
    }
    return 0;
}

// text has the pattern's length.
static uint32_t scan(const char *text, const char *pattern) {
    uint32_t f[FIELDS] = {0};
    for (; *pattern != '\0'; pattern++, text++) {
        if (thingpass_is_digit(*pattern) && thingpass_is_digit(*text)) {
            uint32_t *field = &f[*pattern - '0'];
            *field = *field * 10 + (uint32_t)(*text - '0');
        } else if (*pattern == 'N') {
            f[MONTH] = month_named(text);
            text += 2;
            pattern += 2;
        } else if (*pattern != *text && *pattern != '?') {
            return 0;
        }
    }
    return join(f);
}

uint32_t thingpass_date_iso(struct thingpass_span text) {
    static const char pattern[] = "0000-11-22T33:44:55";
    size_t i = sizeof pattern - 1;
    if (text.n <= i || text.p[text.n - 1] != 'Z') {
        return 0;
    }
    if (text.n > i + 1) {
        const struct thingpass_span fraction = {text.p + i + 1, text.n - i - 2};
        uint64_t ignored;
        if (text.p[i] != '.' || fraction.n > 9 || !thingpass_span_u64(fraction, &ignored)) {
            return 0;
        }
    }
    return scan(text.p, pattern);
}

uint32_t thingpass_date_http(struct thingpass_span text) {
    static const char pattern[] = "???, 22 NNN 0000 33:44:55 GMT";
    return text.n == sizeof pattern - 1 ? scan(text.p, pattern) : 0;
}
