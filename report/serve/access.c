/* Who may ask. Three rules, each against a different stranger:
 *
 * - The Host header names localhost, an address, or the name given by --host: a page of another
 * site whose name was pointed at this machine (DNS rebinding) is refused.
 * - A browser says where a request comes from (Sec-Fetch-Site): other sites' pages may link here,
 * but not load scripts, pictures or videos from here.
 * - Where a token is set, it is shown as "Authorization: Bearer TOKEN" or as a cookie, which
 * "/?token=TOKEN" sets. Compared are digests, in constant time.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "models/digest.h"
#include "report/serve/private.h"

static int is_address(const char *host)
{
    unsigned char bytes[16];
    if (inet_pton(AF_INET, host, bytes) == 1) return 1;
    char inner[64];
    const size_t length = strlen(host);
    if (length < 3 || length > sizeof(inner) || host[0] != '[' || host[length - 1] != ']') return 0;
    memcpy(inner, host + 1, length - 2);
    inner[length - 2] = 0;
    return inet_pton(AF_INET6, inner, bytes) == 1;
}

static int host_fits(const HedonServer *server, const char *header)
{
    char host[256];
    if (!header) return 0;
    const char *bracket = strchr(header, ']'), *colon = strchr(bracket ? bracket : header, ':');
    const size_t length = colon ? (size_t)(colon - header) : strlen(header);
    if (!length || length >= sizeof(host)) return 0;
    memcpy(host, header, length);
    host[length] = 0;
    return is_address(host) || !strcasecmp(host, "localhost") ||
           (server->options.host && !strcasecmp(host, server->options.host));
}

static int token_fits(const HedonServer *server, const char *shown, size_t length)
{
    char expected[HEDON_SHA256_ROOM], digest[HEDON_SHA256_ROOM];
    hedon_sha256(expected, server->options.token, strlen(server->options.token));
    hedon_sha256(digest, shown, length);
    unsigned difference = 0;
    for (int i = 0; i < HEDON_SHA256_ROOM; i++)
        difference |= (unsigned char)expected[i] ^ (unsigned char)digest[i];
    return !difference;
}

/* Cookies are of a host whatever its port: the port in the name keeps servers apart. */
static void cookie_name(char name[32], const HedonServer *server)
{
    snprintf(name, 32, "hedon-%d", server->port);
}

static int shows_token(const HedonAsked *asked)
{
    static const char scheme[] = "Bearer ";
    const char *header = hedon_asked_header(asked, MHD_HTTP_HEADER_AUTHORIZATION);
    if (header && !strncasecmp(header, scheme, strlen(scheme))) {
        header += strlen(scheme);
        return token_fits(asked->server, header, strlen(header));
    }
    char name[32];
    cookie_name(name, asked->server);
    const char *cookie = MHD_lookup_connection_value(asked->connection, MHD_COOKIE_KIND, name);
    return cookie && token_fits(asked->server, cookie, strlen(cookie));
}

/* "/?token=TOKEN": from now on the browser has it. The redirection takes it out of the address. */
static int takes_token(const HedonAsked *asked, HedonAnswer *answer)
{
    const char *shown = hedon_asked_argument(asked, "token");
    if (*asked->path || !shown || !token_fits(asked->server, shown, strlen(shown))) return 0;
    char name[32];
    cookie_name(name, asked->server);
    answer->status = MHD_HTTP_SEE_OTHER;
    answer->bytes = "";
    answer->type = "text/plain; charset=utf-8";
    snprintf(answer->location, sizeof(answer->location), "/");
    snprintf(answer->cookie, sizeof(answer->cookie), "%s=%s; Path=/; HttpOnly; SameSite=Lax", name,
             asked->server->options.token);
    return 1;
}

static int comes_from_elsewhere(const HedonAsked *asked)
{
    const char *site = hedon_asked_header(asked, "Sec-Fetch-Site");
    const char *mode = hedon_asked_header(asked, "Sec-Fetch-Mode");
    const char *use = hedon_asked_header(asked, "Sec-Fetch-Dest");
    if (!site || !strcmp(site, "same-origin") || !strcmp(site, "none")) return 0;
    return !mode || strcmp(mode, "navigate") || !use ||
           strcmp(use, "document"); /* a link is fine */
}

int hedon_access_check(const HedonAsked *asked, HedonAnswer *answer)
{
    if (!host_fits(asked->server, hedon_asked_header(asked, MHD_HTTP_HEADER_HOST))) {
        hedon_answer_error(answer, MHD_HTTP_MISDIRECTED_REQUEST,
                           "not served under this name; hedon serve --host NAME allows one");
        return 1;
    }
    if (comes_from_elsewhere(asked)) {
        hedon_answer_error(answer, MHD_HTTP_FORBIDDEN, "not for pages of other sites");
        return 1;
    }
    if (!asked->server->options.token || shows_token(asked)) return 0;
    if (takes_token(asked, answer)) return 1;
    hedon_answer_error(answer, MHD_HTTP_UNAUTHORIZED,
                       "a token is needed: open the address that hedon serve printed");
    return 1;
}
