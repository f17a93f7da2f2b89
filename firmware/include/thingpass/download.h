// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Fetches an object: an update, a configuration, a file for the SD card [P-13]. What
// comes goes to a sink of yours, chunk by chunk, and is hashed on its way. A transfer
// that breaks off goes on at the byte where it was, also after a reboot; an object
// that was replaced meanwhile is begun anew.
//
//     struct thingpass_download update = {0};
//     update.kind = "firmware";
//     update.sink = &my_sink;
//     thingpass_download_start(&tp, &update);
//     …                              // thingpass_step() and thingpass_receive() as ever
//     thingpass_result(&tp)->err     // THINGPASS_OK: it is verified, and the sink has it
//
// Objects of 4 GiB and more are refused.

#ifndef THINGPASS_DOWNLOAD_H
#define THINGPASS_DOWNLOAD_H

#include "thingpass/thingpass.h"

#ifdef __cplusplus
extern "C" {
#endif

// Where the bytes go: an OTA partition, a file. Called in the thread that calls
// thingpass_step(); must not call the core. Any result < 0 ends the download, which
// then has that error. While a function takes its time, nothing else happens; no
// time-out of the core counts it but the download's deadline.
struct thingpass_sink {
    void *ctx;

    // Prepares for an object of size bytes, of which the next one to be written is
    // that at offset: the bytes before it are kept, those behind it are void. Called
    // once there is a grant, before there is a connection; and again, with another
    // version or from the first byte, when what came so far is of no use. version is
    // what to keep if the download is to go on after a reboot; it is valid during the
    // call. offset is 0 or the download's `from`. Returns THINGPASS_OK or < 0.
    int (*begin)(void *ctx, const char *version, uint32_t size, uint32_t offset);

    // Takes the next n (> 0) bytes, all of them. Returns THINGPASS_OK or < 0.
    int (*write)(void *ctx, const void *data, size_t n);

    // Gives back bytes that an earlier download wrote, from offset on, up to cap (> 0).
    // Returns how many (> 0), or < 0; 0 says that there are none, and the download
    // ends with THINGPASS_ECORRUPT. Only a download with `from` needs it, to hash
    // them; it may be NULL otherwise.
    int (*read)(void *ctx, uint32_t offset, void *buf, size_t cap);

    // Called once if begin has succeeded. THINGPASS_OK: all is there and verified; put
    // it to use. THINGPASS_ECORRUPT: throw it away. Anything else: what is there is
    // good as far as it goes, and another download may go on from there. Returns
    // THINGPASS_OK or < 0, which matters only if err is THINGPASS_OK.
    int (*end)(void *ctx, int err);
};

// What to fetch. It and everything that it points to stay yours and must not change
// until the download has ended. Texts may be NULL unless it says otherwise.
struct thingpass_download {
    const char *kind;       // one of the broker's kinds; not NULL
    const char *name;       // of a shared object; NULL: "latest"
    const char *group;      // for a thing in more than one
    const char *object_key; // for an object of the thing's own

    // What the thing has already, whole and in use: the version that an earlier
    // download's sink was told, or the SHA-256. If that is what is there, nothing is
    // fetched: THINGPASS_OK, and result.verified is THINGPASS_VERIFIED_UNCHANGED.
    const char *have_version;
    const uint8_t *have_sha256;

    // What the sink has of an earlier download: the first `from` bytes of that
    // version. They are kept if it is still the version that is there. 0: nothing.
    uint32_t from;
    const char *from_version;

    const struct thingpass_sink *sink; // not NULL

    // Larger objects end with THINGPASS_EREFUSED and the code "size-not-allowed",
    // before a byte is fetched. 0: any.
    uint32_t max_size;

    uint32_t deadline_ms; // for the whole download; 0 is the configured default

    // Told how many bytes the sink has, after each of its writes. Must not call the
    // core. May be NULL.
    void (*progress)(void *ctx, uint64_t done, uint64_t size);
    void *progress_ctx;
};

// Begins a download; thingpass_step() does the rest, and thingpass_result() says how
// it ended. Returns THINGPASS_OK, THINGPASS_EBUSY (another, or an upload, is in
// flight), THINGPASS_EINVAL (a field breaks its contract) or THINGPASS_ESPACE (the
// request would not fit the chunk buffer).
//
// Attempts are counted as for uploads (max_puts, max_grants), but anew whenever more
// has come than ever before: a link that breaks again and again is no reason to give
// up while it brings something. A pass or a session that is kept is lost over it.
int thingpass_download_start(struct thingpass *tp, const struct thingpass_download *download);

// The version of the last grant, or of what is unchanged; "" if there is none. Valid
// until the next upload or download begins.
const char *thingpass_download_version(const struct thingpass *tp);

#ifdef __cplusplus
}
#endif

#endif
