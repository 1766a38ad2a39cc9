/* Magic numbers of what hedon-decode opens. Sources: ISO/IEC 14496-12 (ftyp), RFC 8794 (EBML),
 * ISO/IEC 13818-1 (transport and program streams), the ASF, FLV and Ogg specifications. */
#include "annotate/sniff.h"

#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

static const char *const video_suffixes[] = {
    "mp4",  "m4v", "mov",  "qt",  "mkv",  "webm", "avi",  "mpg",  "mpeg", "m2v",
    "m2ts", "vob", "flv",  "f4v", "wmv",  "asf",  "ogv",  "3gp",  "3g2",  "mxf",
    "y4m",  "ivf", "h264", "264", "h265", "265",  "hevc", "divx", NULL,
};

/* Of containers that hold sound as well as pictures. */
static const char *const sound_suffixes[] = {
    "m4a", "m4b", "mka", "weba", "oga", "opus", "wma", NULL,
};

static int has_suffix(const char *name, const char *const *suffixes)
{
    const char *dot = strrchr(name, '.');
    if (!dot || dot == name || strchr(dot, '/')) return 0;
    for (; *suffixes; suffixes++)
        if (!strcasecmp(dot + 1, *suffixes)) return 1;
    return 0;
}

int hedon_sniff_name(const char *name)
{
    return has_suffix(name, video_suffixes);
}

typedef struct Bytes {
    const uint8_t *at;
    size_t size;
} Bytes;

static int is_at(Bytes bytes, size_t offset, const void *magic, size_t length)
{
    return offset + length <= bytes.size && !memcmp(bytes.at + offset, magic, length);
}

#define IS_AT(bytes, offset, text) is_at(bytes, offset, text, sizeof(text) - 1)

static int has(Bytes bytes, const char *text)
{
    return memmem(bytes.at, bytes.size, text, strlen(text)) != NULL;
}

/* Pictures and sound alone have the same boxes under other brands. */
static int is_iso(Bytes bytes)
{
    static const char *const others[] = {"heic", "heix", "heim", "heis", "mif1", "avif", "crx ",
                                         "M4A ", "M4B ", "M4P ", "jp2 ", "jpx ", NULL};
    if (IS_AT(bytes, 4, "moov") || IS_AT(bytes, 4, "mdat") || IS_AT(bytes, 4, "wide")) return 1;
    if (!IS_AT(bytes, 4, "ftyp") || bytes.size < 12) return 0;
    for (const char *const *other = others; *other; other++)
        if (!memcmp(bytes.at + 8, *other, 4)) return 0;
    return 1;
}

static int is_matroska(Bytes bytes)
{
    return IS_AT(bytes, 0, "\x1a\x45\xdf\xa3") && (has(bytes, "matroska") || has(bytes, "webm"));
}

/* A sync byte every 188 bytes; Blu-ray puts four bytes of time before each. */
static int is_transport_stream(Bytes bytes)
{
    static const struct {
        size_t first, step;
    } forms[] = {{0, 188}, {4, 192}};
    for (int i = 0; i < 2; i++) {
        size_t synced = 0, offset = forms[i].first;
        while (offset < bytes.size && bytes.at[offset] == 0x47) {
            synced++;
            offset += forms[i].step;
        }
        if (synced >= 3 && offset >= bytes.size) return 1;
    }
    return 0;
}

/* An access unit delimiter or a parameter set comes first: of H.264 (7, 9), of HEVC (32, 35). */
static int is_annex_b(Bytes bytes)
{
    size_t at = IS_AT(bytes, 0, "\0\0\0\1") ? 4 : IS_AT(bytes, 0, "\0\0\1") ? 3 : 0;
    if (!at || at + 1 >= bytes.size) return 0;
    const int first = bytes.at[at], second = bytes.at[at + 1];
    const int h264 = (first == 0x67 || first == 0x27 || first == 0x09);
    const int hevc = (first == 0x40 || first == 0x46) && second == 0x01;
    return h264 || hevc;
}

/* A picture that moves: it says how often to repeat. */
static int is_animated_gif(Bytes bytes)
{
    return IS_AT(bytes, 0, "GIF89a") && has(bytes, "NETSCAPE2.0");
}

static int is_ogg_video(Bytes bytes)
{
    static const char *const codecs[] = {"\x80theora", "OVP80", "BBCD", "\x01video", NULL};
    if (!IS_AT(bytes, 0, "OggS")) return 0;
    for (const char *const *codec = codecs; *codec; codec++)
        if (has(bytes, *codec)) return 1;
    return 0;
}

static int is_other(Bytes bytes)
{
    return (IS_AT(bytes, 0, "RIFF") && IS_AT(bytes, 8, "AVI ")) || IS_AT(bytes, 0, "FLV\1") ||
           IS_AT(bytes, 0, "\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9") ||    /* ASF */
           IS_AT(bytes, 0, "\0\0\1\xba") || IS_AT(bytes, 0, "\0\0\1\xb3") || /* MPEG-PS, MPEG-2 */
           IS_AT(bytes, 0, "YUV4MPEG2 ") || IS_AT(bytes, 0, "DKIF") || IS_AT(bytes, 0, ".RMF") ||
           IS_AT(bytes, 0, "nut/multimedia container") ||
           IS_AT(bytes, 0, "\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02"); /* MXF */
}

int hedon_sniff_bytes(const char *name, const uint8_t *bytes, size_t size)
{
    const Bytes all = {bytes, size < HEDON_SNIFF_BYTES ? size : HEDON_SNIFF_BYTES};
    if (has_suffix(name, sound_suffixes)) return 0;
    return is_iso(all) || is_matroska(all) || is_transport_stream(all) || is_annex_b(all) ||
           is_animated_gif(all) || is_ogg_video(all) || is_other(all);
}

int hedon_sniff_file(HedonContext *ctx, const char *path)
{
    uint8_t bytes[HEDON_SNIFF_BYTES];
    struct stat about;
    const int file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (file < 0) return hedon_fail_errno(ctx, "cannot look into it");
    size_t size = 0;
    int code = 0;
    while (!fstat(file, &about) && S_ISREG(about.st_mode) && size < sizeof(bytes)) {
        const ssize_t got = read(file, bytes + size, sizeof(bytes) - size);
        if (got < 0) code = hedon_fail_errno(ctx, "cannot read it");
        if (got <= 0) break;
        size += (size_t)got;
    }
    close(file);
    return code ? code : hedon_sniff_bytes(path, bytes, size);
}
