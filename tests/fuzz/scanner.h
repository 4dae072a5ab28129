#pragma once

#include "config/json.h"

#include <cstddef>
#include <string>
#include <vector>

namespace ringattn::fuzz {

/// A Python that reads sources with the program's own scanner (cli/python) and stays for the next ones. Its counters of
/// lines become the fuzzer's.
class Scanner {
 public:
  Scanner();
  ~Scanner();
  Scanner(const Scanner&) = delete;
  Scanner& operator=(const Scanner&) = delete;

  /// What cli/python/uses.py answers about the texts, taken for modules m0, m1, … of one folder. Ends the process where
  /// Python raised, or ended.
  Json ask(const std::vector<std::string>& classes, const std::vector<std::string>& helpers,
           const std::vector<std::string>& texts);

 private:
  void send(const std::string& bytes);
  void receive(void* bytes, std::size_t count);

  int questions_ = -1;
  int answers_ = -1;
  int child_ = -1;
};

}  // namespace ringattn::fuzz
