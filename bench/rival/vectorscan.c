/*
 * The rival of the masking core: Vectorscan (Hyperscan's API) in streaming mode. It reads the rules from the file
 * given, a line each: the flags as a number, a tab, the expression. Then a line "CHUNK MILLISECONDS PATH" on stdin is
 * answered with the processor time in nanoseconds, the bytes scanned in it, and the matches of one pass.
 */
#include <hs/hs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static unsigned long long matches;

static int on_match(unsigned int id, unsigned long long from, unsigned long long to, unsigned int flags, void *context) {
  (void)id, (void)from, (void)to, (void)flags, (void)context;
  matches++;
  return 0;
}

static unsigned long long processor_ns(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000000ull +
         (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000ull;
}

static char *read_file(const char *path, size_t *length) {
  FILE *file = fopen(path, "rb");
  if (!file) return NULL;
  fseek(file, 0, SEEK_END);
  *length = (size_t)ftell(file);
  rewind(file);
  char *bytes = malloc(*length + 1);
  if (bytes && fread(bytes, 1, *length, file) != *length) bytes = NULL;
  fclose(file);
  if (bytes) bytes[*length] = 0;
  return bytes;
}

int main(int count, char **arguments) {
  size_t length = 0;
  char *text = count > 1 ? read_file(arguments[1], &length) : NULL;
  if (!text) return 2;
  enum { rules_max = 1000 };
  static const char *expressions[rules_max];
  static unsigned int flags[rules_max], ids[rules_max];
  unsigned int rules = 0;
  for (char *line = strtok(text, "\n"); line && rules < rules_max; line = strtok(NULL, "\n")) {
    char *tab = strchr(line, '\t');
    if (!tab) continue;
    hs_database_t *one;
    hs_compile_error_t *problem;
    unsigned int flag = (unsigned int)atoi(line);
    /* What it cannot express it says here, and does without. */
    if (hs_compile(tab + 1, flag, HS_MODE_STREAM, NULL, &one, &problem) != HS_SUCCESS) {
      printf("refused %s: %s\n", tab + 1, problem->message);
      hs_free_compile_error(problem);
      continue;
    }
    hs_free_database(one);
    expressions[rules] = tab + 1;
    flags[rules] = flag;
    ids[rules] = rules;
    rules++;
  }
  hs_database_t *database;
  hs_compile_error_t *problem;
  if (hs_compile_multi(expressions, flags, ids, rules, HS_MODE_STREAM, NULL, &database, &problem) != HS_SUCCESS) {
    fprintf(stderr, "%s\n", problem->message);
    return 1;
  }
  hs_scratch_t *scratch = NULL;
  hs_stream_t *stream = NULL;
  if (hs_alloc_scratch(database, &scratch) != HS_SUCCESS) return 1;
  if (hs_open_stream(database, 0, &stream) != HS_SUCCESS) return 1;
  printf("ready %u %s\n", rules, hs_version());
  fflush(stdout);

  char path[4096];
  unsigned int chunk, milliseconds;
  while (scanf("%u %u %4095[^\n]", &chunk, &milliseconds, path) == 3) {
    char *bytes = read_file(path, &length);
    if (!bytes) return 1;
    unsigned long long scanned = 0, began = processor_ns(), spent = 0;
    do {
      matches = 0;
      for (size_t at = 0; at < length; at += chunk) {
        unsigned int part = (unsigned int)(length - at < chunk ? length - at : chunk);
        if (hs_scan_stream(stream, bytes + at, part, 0, scratch, on_match, NULL) != HS_SUCCESS) return 1;
      }
      hs_reset_stream(stream, 0, scratch, on_match, NULL);
      scanned += length;
      spent = processor_ns() - began;
    } while (spent < milliseconds * 1000000ull);
    printf("%llu %llu %llu\n", spent, scanned, matches);
    fflush(stdout);
    free(bytes);
  }
  return 0;
}
