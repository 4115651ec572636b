/* A CUDA driver library without cards: its devices are the names in MADE_UP_GPUS, separated by semicolons; without it there is none. */
#include <stdlib.h>
#include <string.h>

static const char *names(void) { return getenv("MADE_UP_GPUS"); }

int cuInit(unsigned flags) { return flags != 0 || names() == NULL ? 100 : 0; }

int cuDeviceGetCount(int *count) {
    *count = 1;
    for (const char *c = names(); *c; c++) *count += *c == ';';
    return 0;
}

int cuDeviceGet(int *device, int ordinal) {
    *device = ordinal + 1000;
    return 0;
}

int cuDeviceGetName(char *name, int length, int device) {
    const char *start = names();
    for (; device > 1000; device--) start = strchr(start, ';') + 1;
    size_t size = strcspn(start, ";");
    if (size >= (size_t)length) return 1;
    memcpy(name, start, size);
    name[size] = '\0';
    return 0;
}
