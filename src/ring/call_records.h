#pragma once

#include "attention/compression.h"
#include "comm/ring_statistics.h"
#include "comm/trace.h"

#include <map>
#include <mutex>

namespace ringattn {

/// What one rank's calls came to.
struct CallRecord {
  RingCommunicationStats statistics;
  TraceLog trace;                ///< empty unless enable_profiling
  CompressionError compression;  ///< of travelling derivatives, where they are compressed
};

/// The records of the ranks that share an attention. Asking is thread-safe; a record itself is its rank's own.
class CallRecords {
 public:
  /// Stays where it is, whatever other ranks ask for.
  CallRecord& of(int rank) {
    const std::scoped_lock lock(mutex_);
    return records_[rank];
  }
  void clear() {
    const std::scoped_lock lock(mutex_);
    records_.clear();
  }

 private:
  std::mutex mutex_;
  std::map<int, CallRecord> records_;
};

}  // namespace ringattn
