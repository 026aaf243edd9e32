// What `npm run bench -- table` stands beside: one C++ map at a time, find and copy of a row of 16 floats by a 64-bit key, on
// the keys of embedding-keys.ts. Each line on stdin is one round over all probes, answered by one line of JSON, so that
// rounds of several processes can be interleaved. Arguments: kind, rows, probes. Maps are given room for their keys first.
#include <malloc.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <iostream>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
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

// The layout of our own table: buckets of a cache line (low [4], high [4], row + 1 [4]), two for each key by a keyed permutation of it, and
// rows apart from them. What is compiled for this processor, with prefetches, of what core/embedding does in WebAssembly.
class Cuckoo {
public:
  explicit Cuckoo(size_t count) {
    size_t buckets = 1;
    while (double(buckets) * 4 * 0.95 < double(count)) buckets *= 2;
    mask = uint32_t(buckets - 1);
    lines.reset(static_cast<Bucket *>(std::aligned_alloc(64, buckets * sizeof(Bucket))));
    std::memset(lines.get(), 0, buckets * sizeof(Bucket));
    slab.reset(static_cast<Row *>(std::aligned_alloc(64, count * sizeof(Row))));
  }

  // By a random walk; a key that finds no room is an error of the benchmark.
  void insert(uint64_t key, const Row &row) {
    uint32_t low = uint32_t(key), high = uint32_t(key >> 32), place = ++used, random = place;
    slab[place - 1] = row;
    for (int kicks = 0; kicks < 5000; kicks++) {
      uint32_t first, second;
      hash(low, high, first, second);
      for (uint32_t bucket : {first & mask, second & mask})
        for (int e = 0; e < 4; e++)
          if (lines[bucket].row[e] == 0) return lines[bucket].put(e, low, high, place);
      random = mix32(random + 1);
      Bucket &full = lines[(random & 1 ? first : second) & mask];
      full.swap((random >> 1) & 3, low, high, place);
    }
    std::abort();
  }

  void lookup(const uint64_t *asked, size_t count, float *target) const {
    uint32_t firsts[batch], seconds[batch];
    const Row *found[batch];
    for (size_t i = 0; i < count; i++) {
      hash(uint32_t(asked[i]), uint32_t(asked[i] >> 32), firsts[i], seconds[i]);
      __builtin_prefetch(&lines[firsts[i] & mask]);
    }
    size_t missing = 0;
    uint32_t left[batch];
    for (size_t i = 0; i < count; i++) {
      const uint32_t place = lines[firsts[i] & mask].find(asked[i]);
      if (place == 0) {
        left[missing++] = uint32_t(i);
        __builtin_prefetch(&lines[seconds[i] & mask]);
      } else {
        __builtin_prefetch(found[i] = &slab[place - 1]);
      }
    }
    for (size_t j = 0; j < missing; j++) {
      const uint32_t i = left[j];
      __builtin_prefetch(found[i] = &slab[lines[seconds[i] & mask].find(asked[i]) - 1]);
    }
    for (size_t i = 0; i < count; i++) std::memcpy(target + i * dim, found[i], sizeof(Row));
  }

private:
  struct alignas(64) Bucket {
    uint32_t low[4], high[4], row[4], unused[4];
    void put(int e, uint32_t l, uint32_t h, uint32_t r) { low[e] = l, high[e] = h, row[e] = r; }
    void swap(uint32_t e, uint32_t &l, uint32_t &h, uint32_t &r) {
      std::swap(low[e], l), std::swap(high[e], h), std::swap(row[e], r);
    }
    // Without a branch.
    uint32_t find(uint64_t key) const {
      uint32_t place = 0;
      for (int e = 0; e < 4; e++)
        place |= (low[e] == uint32_t(key) && high[e] == uint32_t(key >> 32)) ? row[e] : 0;
      return place;
    }
  };
  struct Free {
    void operator()(void *memory) const { std::free(memory); }
  };

  static void hash(uint32_t low, uint32_t high, uint32_t &first, uint32_t &second) {
    const uint32_t folded = high ^ mix32(low + 0x243f6a88u);
    second = low ^ mix32(folded + 0x85a308d3u);
    first = folded ^ mix32(second + 0x13198a2eu);
  }

  uint32_t mask, used = 0;
  std::unique_ptr<Bucket[], Free> lines;
  std::unique_ptr<Row[], Free> slab;
};

int main(int, char **arguments) {
  const std::string kind = arguments[1];
  if (kind == "kinds") {
    std::puts("[\"unordered_map\",\"cuckoo\""
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
  if (kind == "cuckoo") {
    const double before = heapBytes();
    Cuckoo map(rows);
    for (size_t i = 0; i < rows; i++) map.insert(keys[i], rowOf(i));
    serve(before, [&] {
      for (size_t i = 0; i < probes; i += batch)
        map.lookup(&probed[i], std::min(batch, probes - i), out.data());
    });
  }
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
