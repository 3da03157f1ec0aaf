/*
 * Reads event streams over a fixed number of connections, and measures each of them.
 *
 *   streams PORT PATH CONNECTIONS SECONDS RAMP_MS EVENTS BODY_FILE
 *
 * Each connection to PORT of loopback, opened at its share of RAMP_MS, asks for one stream after another until SECONDS
 * are over; streams that are open then are read to their end. A stream is good if its status is 200 and its body has
 * EVENTS events with a JSON object, then [DONE], then the end of the chunked body. One line of JSON is written:
 *
 *   seconds, streams, bad, unfinished, reason (of the first bad one), p50_ms, p99_ms (whole streams),
 *   first_p50_ms, first_p99_ms (until the second event, the first one with content), longest_gap_ms, gap_p99_ms
 *   (p99 over streams of the longest gap in each), open_at_once (the most streams that were open beside each other)
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 512, TAIL = 32, LONGEST_DRAIN_US = 60000000 };

struct stream {
    int fd, events, pattern, status_read, open;
    double start, first, latest, gap;
    char head[16], tail[TAIL];
    int head_size, tail_size;
};

static double *whole_ms, *first_ms, *gap_ms;
static size_t good, room, bad;
static char reason[128] = "";
static char *request;
static size_t request_size;
static int expected, port, poller;

static double now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static void failed(struct stream *s, const char *why) {
    if (!bad++) snprintf(reason, sizeof reason, "%s", why);
    close(s->fd);
    s->fd = -1;
    s->open = 0;
}

static int connect_stream(struct stream *s) {
    int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(s->fd, (struct sockaddr *)&address, sizeof address)) {
        failed(s, strerror(errno));
        return 0;
    }
    fcntl(s->fd, F_SETFL, O_NONBLOCK);
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = s};
    epoll_ctl(poller, EPOLL_CTL_ADD, s->fd, &event);
    return 1;
}

static void ask(struct stream *s) {
    if (s->fd < 0 && !connect_stream(s)) return;
    s->events = s->pattern = s->head_size = s->tail_size = 0;
    s->gap = s->first = 0;
    s->start = s->latest = now_us();
    s->open = 1;
    if (send(s->fd, request, request_size, MSG_NOSIGNAL) != (ssize_t)request_size) failed(s, "the request was not taken");
}

/* Counts what begins with `data: {`, over the borders of reads. */
static void count_events(struct stream *s, const char *bytes, ssize_t size, double now) {
    static const char pattern[] = "data: {";
    for (ssize_t i = 0; i < size; i++) {
        s->pattern = bytes[i] == pattern[s->pattern] ? s->pattern + 1 : bytes[i] == 'd';
        if (s->pattern < (int)sizeof pattern - 1) continue;
        s->pattern = 0;
        if (++s->events == 2) s->first = now;
        if (s->events > 1 && now - s->latest > s->gap) s->gap = now - s->latest;
        s->latest = now;
    }
}

static void keep_ends(struct stream *s, const char *bytes, ssize_t size) {
    for (ssize_t i = 0; i < size && s->head_size < 12; i++) s->head[s->head_size++] = bytes[i];
    if (size >= TAIL) {
        memcpy(s->tail, bytes + size - TAIL, s->tail_size = TAIL);
        return;
    }
    int kept = s->tail_size + size > TAIL ? TAIL - (int)size : s->tail_size;
    memmove(s->tail, s->tail + s->tail_size - kept, kept);
    memcpy(s->tail + kept, bytes, size);
    s->tail_size = kept + (int)size;
}

static int ended(struct stream *s) { return s->tail_size >= 7 && !memcmp(s->tail + s->tail_size - 7, "\r\n0\r\n\r\n", 7); }

static void finished(struct stream *s, double now) {
    if (s->events != expected) {
        char why[64];
        snprintf(why, sizeof why, "%d events instead of %d", s->events, expected);
        failed(s, why);
        return;
    }
    if (!memmem(s->tail, s->tail_size, "[DONE]", 6)) {
        failed(s, "a stream without [DONE]");
        return;
    }
    if (good == room) {
        room = room ? room * 2 : 4096;
        whole_ms = realloc(whole_ms, room * sizeof *whole_ms);
        first_ms = realloc(first_ms, room * sizeof *first_ms);
        gap_ms = realloc(gap_ms, room * sizeof *gap_ms);
    }
    whole_ms[good] = (now - s->start) / 1e3;
    first_ms[good] = (s->first - s->start) / 1e3;
    gap_ms[good++] = s->gap / 1e3;
    s->open = 0;
}

static void readable(struct stream *s) {
    static char bytes[65536];
    ssize_t size = recv(s->fd, bytes, sizeof bytes, 0);
    if (size < 0 && errno == EAGAIN) return;
    if (size <= 0) {
        if (s->open) failed(s, size ? strerror(errno) : "the connection ended within a stream");
        else {
            close(s->fd);
            s->fd = -1;
        }
        return;
    }
    double now = now_us();
    keep_ends(s, bytes, size);
    count_events(s, bytes, size, now);
    if (s->head_size == 12 && memcmp(s->head + 9, "200", 3)) {
        char why[64];
        snprintf(why, sizeof why, "status %.3s", s->head + 9);
        failed(s, why);
    } else if (ended(s)) finished(s, now);
}

static int ascending(const void *a, const void *b) {
    double difference = *(const double *)a - *(const double *)b;
    return (difference > 0) - (difference < 0);
}

static double quantile(double *values, double share) {
    if (!good) return 0;
    qsort(values, good, sizeof *values, ascending);
    size_t index = share * good;
    return values[index < good ? index : good - 1];
}

static void load_request(const char *path, const char *file) {
    static char body[65536];
    FILE *in = fopen(file, "rb");
    if (!in) exit(2);
    size_t size = fread(body, 1, sizeof body, in);
    fclose(in);
    request = malloc(size + strlen(path) + 512);
    request_size = sprintf(request,
                           "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer sk-not-a-real-key\r\n"
                           "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
                           path, size);
    memcpy(request + request_size, body, size);
    request_size += size;
}

int main(int argc, char **argv) {
    if (argc != 8) {
        fprintf(stderr, "usage: streams PORT PATH CONNECTIONS SECONDS RAMP_MS EVENTS BODY_FILE\n");
        return 2;
    }
    port = atoi(argv[1]);
    int connections = atoi(argv[3]), opened = 0, most = 0, open = 0;
    double seconds = atof(argv[4]), ramp = atof(argv[5]) * 1e3;
    expected = atoi(argv[6]);
    load_request(argv[2], argv[7]);
    poller = epoll_create1(EPOLL_CLOEXEC);
    struct stream *streams = calloc(connections, sizeof *streams);
    for (int i = 0; i < connections; i++) streams[i].fd = -1;
    struct epoll_event batch[BATCH];
    double began = now_us(), last = began + seconds * 1e6, now = began;
    do {
        while (opened < connections && now >= began + ramp * opened / connections) {
            ask(&streams[opened++]);
            open += streams[opened - 1].open;
        }
        if (open > most) most = open;
        int count = epoll_wait(poller, batch, BATCH, opened < connections ? 1 : 100);
        now = now_us();
        for (int i = 0; i < count; i++) {
            struct stream *s = batch[i].data.ptr;
            if (s->fd < 0) continue;
            int was = s->open;
            readable(s);
            if (was && !s->open && now < last) ask(s);
            open += s->open - was;
        }
    } while ((now < last || open > 0) && now < last + ramp + LONGEST_DRAIN_US);
    printf("{\"seconds\":%.6f,\"streams\":%zu,\"bad\":%zu,\"unfinished\":%d,\"reason\":\"%s\",", (now - began) / 1e6, good, bad, open,
           reason);
    printf("\"p50_ms\":%.3f,\"p99_ms\":%.3f,", quantile(whole_ms, 0.5), quantile(whole_ms, 0.99));
    printf("\"first_p50_ms\":%.3f,\"first_p99_ms\":%.3f,", quantile(first_ms, 0.5), quantile(first_ms, 0.99));
    printf("\"longest_gap_ms\":%.3f,\"gap_p99_ms\":%.3f,\"open_at_once\":%d}\n", quantile(gap_ms, 1), quantile(gap_ms, 0.99), most);
    return 0;
}
