// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

#ifndef THINGPASS_ERROR_H
#define THINGPASS_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

// The convention of every function here and in a port: a result >= 0 is fine
// (and may be a length), a result < 0 is one of these. A port may return any
// other negative number too; the core takes it for THINGPASS_EIO.
enum thingpass_err {
    THINGPASS_OK = 0,

    // Not a failure: nothing could be done now, call again later.
    THINGPASS_EAGAIN = -1,

    // Mistakes of the program that calls the core.
    THINGPASS_EINVAL = -2, // an argument breaks the function's contract
    THINGPASS_ESPACE = -3, // a lent buffer is too small
    THINGPASS_EBUSY = -4,  // an upload is in flight

    // Passing troubles: a port returns EIO, the upload retries by itself.
    THINGPASS_EIO = -5,   // the port failed (network, MQTT, random, hash)
    THINGPASS_EHTTP = -6, // the answer is not HTTP/1.x as we accept it

    // How an upload can end, apart from THINGPASS_OK.
    THINGPASS_EREPLY = -7,     // the broker's reply is damaged or lacks a field
    THINGPASS_EURL = -8,       // the grant's URL is not one that we follow
    THINGPASS_EHEADER = -9,    // the grant has a header that we do not send
    THINGPASS_EREFUSED = -10,  // the broker refused; the result's code says why
    THINGPASS_EMISMATCH = -11, // another object is stored under this key
    THINGPASS_EREJECTED = -12, // S3 refused for good; status and code say why
    THINGPASS_ERETRIES = -13,  // every attempt was used up
    THINGPASS_EDEADLINE = -14, // the upload's deadline passed
    THINGPASS_ESOURCE = -15,   // the source could not be read
    THINGPASS_ELENGTH = -16,   // the source holds fewer or more bytes than its size
    THINGPASS_ESPENT = -17,    // a one-pass source would have to be read again
    THINGPASS_ECANCELLED = -18,

    THINGPASS_ENOCLOCK = -19, // no reply has told the time yet

    // Files and the spool.
    THINGPASS_EFULL = -20,    // no room: the medium is full, or the spool's bounds
    THINGPASS_EMEDIUM = -21,  // the medium is gone: pulled, or not mounted
    THINGPASS_ENOENT = -22,   // there is none
    THINGPASS_EEXIST = -23,   // there is one already
    THINGPASS_EDAMAGED = -24, // what is stored there is not what was put there

    // How a download can end.
    THINGPASS_ECORRUPT = -25 // what came is not what was promised, in size or SHA-256
};

// Describes an error in a few English words. Never NULL, also for unknown
// numbers; the text is static.
const char *thingpass_strerror(int err);

#ifdef __cplusplus
}
#endif

#endif
