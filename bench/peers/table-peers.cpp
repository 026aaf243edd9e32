// What `npm run bench -- table` stands beside: one C++ map at a time, find and copy of a row of 16 floats by a 64-bit key, on
// the keys of embedding-keys.ts. Each line on stdin is one round over all probes, answered by one line of JSON, so that
// rounds of several processes can be interleaved. Arguments: kind, rows, probes. Maps are given room for their keys first.
#include <malloc.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <iostream>
#include <string>
#include <unordered_map>
#include <vector>
#if __has_include(<absl/container/flat_hash_map.h>)
#include <absl/container/flat_hash_map.h>
#define HAS_ABSL
#endif
#if __has_include(<libcuckoo/cuckoohash_map.hh>)
#include <libcuckoo/cuckoohash_map.hh>
#define HAS_LIBCUCKOO
#endif

constexpr size_t dim = 16, batch = 128;
using Row = std::array<float, dim>;

static size_t rows, probes;
static std::vector<uint64_t> keys, probed;
static std::vector<float> out(batch *dim);

static uint32_t mix32(uint32_t h) {
  h ^= h >> 16;
  h *= 0x85ebca6bu;
  h ^= h >> 13;
  h *= 0xc2b2ae35u;
  return h ^ (h >> 16);
}

// Of this thread: neighbours share the cores.
static double cpuSeconds() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return double(t.tv_sec) + double(t.tv_nsec) / 1e9;
}

static double heapBytes() {
  const auto heap = mallinfo2();
  return double(heap.uordblks + heap.hblkhd);
}

static Row rowOf(size_t i) {
  Row row;
  row.fill(float(i % 97));
  return row;
}

static float *target(size_t i) { return &out[(i % batch) * dim]; }

template <class Work> void serve(double bytesBefore, Work work) {
  std::printf("{\"bytesPerRow\":%.1f}\n", (heapBytes() - bytesBefore) / double(rows));
  std::fflush(stdout);
  std::string line;
  while (std::getline(std::cin, line)) {
    const double start = cpuSeconds();
    work();
    const double seconds = cpuSeconds() - start;
    std::printf("{\"perSecond\":%.0f,\"sink\":%f}\n", double(probes) / seconds, double(out[7]));
    std::fflush(stdout);
  }
}

template <class Map> void serveMap(Map &&map) {
  const double before = heapBytes();
  map.reserve(rows);
  for (size_t i = 0; i < rows; i++) map.emplace(keys[i], rowOf(i));
  serve(before, [&] {
    for (size_t i = 0; i < probes; i++)
      std::memcpy(target(i), map.find(probed[i])->second.data(), sizeof(Row));
  });
}

int main(int, char **arguments) {
  const std::string kind = arguments[1];
  if (kind == "kinds") {
    std::puts("[\"unordered_map\""
#ifdef HAS_LIBCUCKOO
              ",\"libcuckoo\""
#endif
#ifdef HAS_ABSL
              ",\"flat_hash_map\""
#endif
              "]");
    return 0;
  }
  rows = std::strtoul(arguments[2], nullptr, 10);
  probes = std::strtoul(arguments[3], nullptr, 10);
  keys.resize(rows);
  probed.resize(probes);
  for (size_t i = 0; i < rows; i++)
    keys[i] = (uint64_t{mix32(uint32_t(i) ^ 0x5bd1e995u)} << 32) | mix32(uint32_t(i) + 1);
  for (size_t i = 0; i < probes; i++)
    probed[i] = keys[size_t(mix32(uint32_t(i) ^ 0x2545f491u) / 4294967296.0 * double(rows))];
  if (kind == "unordered_map") serveMap(std::unordered_map<uint64_t, Row>());
#ifdef HAS_ABSL
  if (kind == "flat_hash_map") serveMap(absl::flat_hash_map<uint64_t, Row>());
#endif
#ifdef HAS_LIBCUCKOO
  if (kind == "libcuckoo") {
    const double before = heapBytes();
    libcuckoo::cuckoohash_map<uint64_t, Row> map;
    map.reserve(rows);
    for (size_t i = 0; i < rows; i++) map.insert(keys[i], rowOf(i));
    serve(before, [&] {
      for (size_t i = 0; i < probes; i++)
        map.find_fn(probed[i], [&](const Row &row) { std::memcpy(target(i), row.data(), sizeof(Row)); });
    });
  }
#endif
}
