// The C++ baseline of bench/embedding.ts: std::unordered_map from a 64-bit key to a row of 16 floats, on the same keys,
// with room for all of them from the beginning. Prints one line of JSON. Arguments: rows, probes, 1 for Zipf probes.
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <unordered_map>
#include <vector>

constexpr int dim = 16;
using Clock = std::chrono::steady_clock;
using Row = std::array<float, dim>;

static uint32_t mix32(uint32_t h) {
  h ^= h >> 16;
  h *= 0x85ebca6bu;
  h ^= h >> 13;
  h *= 0xc2b2ae35u;
  return h ^ (h >> 16);
}

static double perSecond(size_t count, Clock::time_point start) {
  return count / std::chrono::duration<double>(Clock::now() - start).count();
}

int main(int, char **arguments) {
  const size_t rows = std::atol(arguments[1]), probes = std::atol(arguments[2]);
  const bool zipf = arguments[3][0] == '1';
  std::vector<uint64_t> keys(rows), probed(probes);
  for (size_t i = 0; i < rows; i++)
    keys[i] = (uint64_t{mix32(uint32_t(i) ^ 0x5bd1e995u)} << 32) | mix32(uint32_t(i) + 1);
  for (size_t i = 0; i < probes; i++) {
    const double u = mix32(uint32_t(i) ^ 0x2545f491u) / 4294967296.0;
    probed[i] = keys[zipf ? size_t(std::exp(u * std::log(double(rows)))) - 1 : size_t(u * rows)];
  }
  std::unordered_map<uint64_t, Row> table;
  table.reserve(rows);
  auto start = Clock::now();
  for (size_t i = 0; i < rows; i++) {
    Row row;
    row.fill(0.01f);
    table.emplace(keys[i], row);
  }
  const double inserts = perSecond(rows, start);
  std::vector<float> out(128 * dim);
  double finds = 0, copies = 0;
  size_t found = 0;
  for (int round = 0; round < 3; round++) {
    start = Clock::now();
    for (size_t i = 0; i < probes; i++) found += table.find(probed[i]) != table.end();
    finds = std::max(finds, perSecond(probes, start));
    start = Clock::now();
    for (size_t i = 0; i < probes; i++) {
      std::memcpy(&out[(i % 128) * dim], table.find(probed[i])->second.data(), sizeof(Row));
    }
    copies = std::max(copies, perSecond(probes, start));
  }
  std::printf("{\"insertsPerSecond\":%.0f,\"findsPerSecond\":%.0f,\"findAndCopyPerSecond\":%.0f,"
              "\"load\":%.2f,\"found\":%zu,\"sink\":%f}\n",
              inserts, finds, copies, table.load_factor(), found, out[7]);
}
