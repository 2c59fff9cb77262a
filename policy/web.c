/* web: HTTPS by libcurl; see web.h.  The only file that includes it. */
#include "policy/web.h"

#include "lib/address.h"
#include "lib/num.h"
#include <curl/curl.h>
#include <stdio.h>

enum { CONNECT_SECONDS = 20, HTTPS = 443 };

bool
web_begin(void)
{
	return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

bool
web_host(struct str url, char host[WEB_HOST_SIZE], unsigned *port)
{
	static const char scheme[] = "https://";
	struct str place, name;
	uint64_t n = HTTPS;

	if (!str_starts_nocase(url, str_of(scheme)))
		return false;
	place = str_slice(url, sizeof(scheme) - 1, url.len);
	for (size_t i = 0; i < place.len; i++)
		if (place.data[i] == '/' || place.data[i] == '?')
			place.len = i;
	if (str_find(url, '#') != url.len)
		return false;
	name = str_slice(place, 0, str_find(place, ':'));
	if (name.len < place.len &&
	    (!num_parse(
		 str_slice(place, name.len + 1, place.len), UINT16_MAX, &n) ||
		n == 0))
		return false;
	*port = (unsigned)n;
	/* No user before an '@', no address literal. */
	return address_domain_ok(name, false) &&
	       str_copy(host, WEB_HOST_SIZE, name);
}

/* libcurl is to ask no resolver: "host:443:192.0.2.1,[2001:db8::1]". */
static bool
put_addresses(struct buf *b, const struct web_request *r)
{
	char ip[IP_SIZE];

	if (!buf_append_text(b, r->host) || !buf_append_byte(b, ':') ||
	    !buf_append_number(b, r->port) || !buf_append_byte(b, ':'))
		return false;
	for (size_t i = 0; i < r->count; i++) {
		bool four = ip_is4(&r->addresses[i]);

		ip_format(ip, &r->addresses[i]);
		if ((i > 0 && !buf_append_byte(b, ',')) ||
		    (!four && !buf_append_byte(b, '[')) ||
		    !buf_append_text(b, ip) ||
		    (!four && !buf_append_byte(b, ']')))
			return false;
	}
	return buf_terminate(b);
}

struct intake {
	struct buf *to; /* NULL: thrown away */
	size_t seen;
	bool overflow;
};

static size_t
take(char *data, size_t size, size_t count, void *context)
{
	struct intake *in = context;
	size_t n = size * count;

	in->seen += n;
	in->overflow = in->to == NULL ? in->seen > BUF_MAX_DEFAULT
				      : !buf_append(in->to, data, n);
	return in->overflow ? 0 : n;
}

#define SET(option, value) (curl_easy_setopt(c, option, value) == CURLE_OK)

static bool
set_safety(CURL *c, const struct web_request *r)
{
	return SET(CURLOPT_NOSIGNAL, 1L) &&
	       SET(CURLOPT_PROTOCOLS_STR, "https") &&
	       SET(CURLOPT_FOLLOWLOCATION, 0L) && SET(CURLOPT_PROXY, "") &&
	       SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) &&
	       SET(CURLOPT_SSL_VERIFYPEER, 1L) &&
	       SET(CURLOPT_SSL_VERIFYHOST, 2L) &&
	       SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) &&
	       SET(CURLOPT_TIMEOUT, (long)WEB_SECONDS) &&
	       SET(CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS) &&
	       (r->authorities == NULL ||
		   (SET(CURLOPT_CAINFO, r->authorities) &&
		       SET(CURLOPT_CAPATH, NULL)));
}

static bool
set_request(CURL *c, const struct web_request *r, struct intake *in,
    struct curl_slist *addresses, struct curl_slist *headers, char *error)
{
	if (!SET(CURLOPT_URL, r->url) || !SET(CURLOPT_RESOLVE, addresses) ||
	    !SET(CURLOPT_HTTPHEADER, headers) ||
	    !SET(CURLOPT_USERAGENT, "culver-policyd") ||
	    !SET(CURLOPT_ERRORBUFFER, error) ||
	    !SET(CURLOPT_WRITEFUNCTION, take) || !SET(CURLOPT_WRITEDATA, in))
		return false;
	return r->type == NULL ||
	       (SET(CURLOPT_POST, 1L) &&
		   SET(CURLOPT_POSTFIELDS, r->body.data) &&
		   SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.len));
}

static enum web_result
classify(CURLcode code)
{
	if (code == CURLE_PEER_FAILED_VERIFICATION ||
	    code == CURLE_SSL_ISSUER_ERROR)
		return WEB_UNTRUSTED;
	if (code == CURLE_OUT_OF_MEMORY || code == CURLE_FAILED_INIT ||
	    code == CURLE_SSL_CACERT_BADFILE)
		return WEB_LOCAL;
	return WEB_FAILED;
}

static void
tell(char why[WEB_WHY], const char *text)
{
	(void)snprintf(why, WEB_WHY, "%.*s", WEB_WHY - 1, text);
}

/* A new resource may answer a POST with 201 or 202, too. */
static enum web_result
judge(CURL *c, const struct web_request *r, struct buf *type, char why[WEB_WHY])
{
	const char *is = NULL;
	long status = 0;

	(void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200 &&
	    (r->type == NULL || status < 200 || status > 299)) {
		(void)snprintf(why, WEB_WHY, "status %ld", status);
		return WEB_FAILED;
	}
	if (type == NULL)
		return WEB_OK;
	(void)curl_easy_getinfo(c, CURLINFO_CONTENT_TYPE, &is);
	buf_clear(type);
	if (is != NULL && !buf_append_text(type, is))
		return WEB_FAILED;
	return WEB_OK;
}

static enum web_result
run(CURL *c, const struct web_request *r, const struct intake *in,
    struct buf *type, const char *error, char why[WEB_WHY])
{
	CURLcode code = curl_easy_perform(c);

	if (code == CURLE_OK)
		return judge(c, r, type, why);
	tell(why, in->overflow       ? "too long an answer"
		  : error[0] != '\0' ? error
				     : curl_easy_strerror(code));
	return classify(code);
}

static struct curl_slist *
headers_of(const struct web_request *r)
{
	struct curl_slist *list = NULL;
	char line[128];

	if (r->type == NULL)
		return NULL;
	(void)snprintf(line, sizeof(line), "Content-Type: %s", r->type);
	list = curl_slist_append(list, line);
	return list;
}

enum web_result
web_do(const struct web_request *r, struct buf *answer, struct buf *type,
    char why[WEB_WHY])
{
	char error[CURL_ERROR_SIZE] = "";
	struct intake in = {.to = answer};
	struct curl_slist *headers = headers_of(r), *addresses = NULL;
	enum web_result result = WEB_LOCAL;
	CURL *c = curl_easy_init();
	struct buf hosts = {0};

	tell(why, "no memory");
	if (put_addresses(&hosts, r))
		addresses = curl_slist_append(NULL, hosts.data);
	if (c != NULL && addresses != NULL && set_safety(c, r) &&
	    set_request(c, r, &in, addresses, headers, error))
		result = run(c, r, &in, type, error, why);
	curl_easy_cleanup(c);
	curl_slist_free_all(headers);
	curl_slist_free_all(addresses);
	buf_free(&hosts);
	return result;
}
