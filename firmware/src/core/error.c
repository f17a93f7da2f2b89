// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#include "thingpass/error.h"

const char *thingpass_strerror(int err) {
    switch (err) {
    case THINGPASS_OK:
        return "ok";
    case THINGPASS_EAGAIN:
        return "not now, try again";
    case THINGPASS_EINVAL:
        return "an argument breaks the function's contract";
    case THINGPASS_ESPACE:
        return "a lent buffer is too small";
    case THINGPASS_EBUSY:
        return "an upload is in flight";
    case THINGPASS_EIO:
        return "the port failed";
    case THINGPASS_EHTTP:
        return "the answer is not proper HTTP";
    case THINGPASS_EREPLY:
        return "the broker's reply is damaged or lacks a field";
    case THINGPASS_EURL:
        return "the grant's URL is not one that may be followed";
    case THINGPASS_EHEADER:
        return "the grant has a header that may not be sent";
    case THINGPASS_EREFUSED:
        return "the broker refused";
    case THINGPASS_EMISMATCH:
        return "another object is stored under this key";
    case THINGPASS_EREJECTED:
        return "the storage refused";
    case THINGPASS_ERETRIES:
        return "every attempt was used up";
    case THINGPASS_EDEADLINE:
        return "the deadline passed";
    case THINGPASS_ESOURCE:
        return "the source could not be read";
    case THINGPASS_ELENGTH:
        return "the source is shorter or longer than its size";
    case THINGPASS_ESPENT:
        return "a one-pass source cannot be read again";
    case THINGPASS_ECANCELLED:
        return "cancelled";
    case THINGPASS_ENOCLOCK:
        return "the time is not known yet";
    case THINGPASS_EFULL:
        return "there is no room left";
    case THINGPASS_EMEDIUM:
        return "the medium is gone";
    case THINGPASS_ENOENT:
        return "there is none";
    case THINGPASS_EEXIST:
        return "there is one already";
    case THINGPASS_EDAMAGED:
        return "what was stored is damaged";
    case THINGPASS_ECORRUPT:
        return "what came is not what was promised";
    default:
        return "unknown error";
    }
}
