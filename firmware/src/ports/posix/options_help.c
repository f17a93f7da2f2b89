// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0
#if !defined(ESP_PLATFORM)

#include "options.h"

void thingpass_options_help(FILE *to) {
    (void)fputs(
        "Usage: thingpass-thing --name THING --server HOST:PORT --ca FILE --cert FILE --key FILE\n"
        "                       [options]\n"
        "\n"
        "A thing with a camera that runs on Linux: it asks for leave over MQTT and stores each\n"
        "photo in S3. Ctrl-C ends it.\n"
        "\n"
        "Who and where\n"
        "  --name THING        the thing's name, as in its certificate\n"
        "  --server HOST:PORT  the MQTT server (port 8883 if left out)\n"
        "  --ca FILE           CA certificates that the MQTT server must be signed by, PEM\n"
        "  --cert FILE         the thing's certificate, PEM\n"
        "  --key FILE          its private key, PEM\n"
        "  --s3-ca FILE        CA certificates for S3; the same as --ca if left out\n"
        "  --root ROOT         first topic segment (default: thingpass)\n"
        "  --mqtt 5|3.1.1      (default: 3.1.1, which is what an ESP32 speaks)\n"
        "\n"
        "Camera\n"
        "  --scene SIZE        a generated scene: QVGA, VGA (default), SVGA, XGA, SXGA, UXGA or\n"
        "                      WxH. A ball moves; the photo's number and the time are burned in\n"
        "  --seed N            the same scene again, byte for byte; its clock starts at 00:00:00\n"
        "  --noise N           0 to 64: how noisy its sensor is (default: 8)\n"
        "  --camera DIR        instead: the *.jpg of a folder in name order, each once\n"
        "  --loop              begin again after the last file\n"
        "\n"
        "Photos\n"
        "  --count N           stop after N photos (default: never, or after the last file)\n"
        "  --interval MS       time from one photo to the next (default: 1000); 0: no pause\n"
        "  --kind KIND         one of the broker's kinds (default: photo)\n"
        "  --mode MODE         put: a grant for each photo (default); pass: one grant for many;\n"
        "                      multipart: grants for the parts of each\n"
        "  --metadata K=V      stored with each photo; may be repeated\n"
        "  --deadline S        give a photo up after S seconds (default: 120)\n"
        "  --ask-wait MS       ask the broker again after this long (default: 5000), then doubled\n"
        "  --sha256 on|off     off: a one-pass camera, whose checksum is not known beforehand and\n"
        "                      whose photo cannot be sent twice (default: on)\n"
        "  --save DIR          also write each photo to DIR/<id>.jpg, to compare\n"
        "\n"
        "A bad link to S3\n"
        "  --rate BYTES        per second\n"
        "  --cut-after BYTES[,TIMES]\n"
        "                      break the connection after so many bytes, TIMES times (default: 1)\n"
        "\n"
        "Output\n"
        "  --json              one JSON object a photo on standard output\n"
        "  --quiet             errors only\n"
        "  --verbose           also what happens in between\n"
        "  --help\n"
        "\n"
        "Exit status: 0 if every photo was stored, 1 if not, 2 for a wrong command line.\n",
        to);
}

#endif
