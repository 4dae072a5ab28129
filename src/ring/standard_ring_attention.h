#pragma once

#include "comm/communicator.h"
#include "comm/sub_communicator.h"
#include "config/problem.h"
#include "config/ring_attention_config.h"
#include "ring/checkpoint.h"
#include "ring/ring_attention.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ringattn {

/// Ring attention with the migration guide's interface: one object per rank, called by all ranks of the communicator
/// together.
///
///   StandardRingAttention attention(config, communicator);
///   at::Tensor out = attention.forward(query, key, value, /*attention_mask=*/{}, /*is_causal=*/true);
///
/// Computes the function that `config` names (pattern, segment_lengths, dilation_rates), exactly, whatever the number
/// of ranks. Nothing of n rows is ever gathered. Cost: see plan/cost.h.
/// With ring_size r below the world size, each r neighbouring ranks are a ring that holds the whole sequence of its
/// share of the batch. The other variants are this class with another attention inside.
class StandardRingAttention {
 public:
  /// Throws UsageError for a configuration against the rules, or a ring_size that doesn't divide the number of ranks,
  /// Unavailable for one that names something this build cannot run. The communicator must outlive the object.
  StandardRingAttention(RingAttentionConfig config, Communicator& communicator);
  virtual ~StandardRingAttention() = default;
  StandardRingAttention(const StandardRingAttention&) = delete;
  StandardRingAttention& operator=(const StandardRingAttention&) = delete;

  /// "standard".
  std::string name() const { return do_name(); }

  /// query: (batch, seq, heads, dim); key, value: (batch, seq, key heads, dim), key heads dividing heads; one dtype
  /// (fp32, bf16, fp16, fp64).
  ///   attention_mask: bool (true = may attend), or additive in fp32 or the inputs' dtype. (batch, seq): of keys, and
  ///   only the rank's own part is kept, which travels with them. (batch, 1 or heads, seq, n): the rows of the queries
  ///   are kept, O(n²/k). Batch may be 1. already_split = false: seq is the whole sequence; the rank takes its own rows
  ///   before anything is computed. already_split = true: seq is the rank's own rows. `layout: auto` and contiguous:
  ///   shards of any sizes, 0 rows too, one after the other in rank order; what they are is asked of all ranks (two
  ///   numbers each). zigzag and striped: the rows of `positions`, in their order.
  ///   shard_offset: where the caller takes its rows to begin in the sequence, checked against the shards before it;
  ///   only with already_split and contiguous shards. Ranks may state it or not.
  /// Returns the rank's own rows, (batch, local rows, heads, dim), in the inputs' dtype; rows that see no key are 0.
  /// Where there are several rings, batch is the ring's share of a whole sequence's (batch_share), and that of the rows
  /// that came split.
  /// Where an input requires gradients they are recorded: out.backward() gives dq, dk and dv through the ring
  /// (ring/differentiable.h).
  /// Errors: UsageError (shapes; shards or an offset that contradict the layout, on every rank alike), RuntimeFailure
  /// (a peer failed; every rank gets it).
  at::Tensor forward(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                     const std::optional<at::Tensor>& attention_mask = std::nullopt, bool is_causal = false,
                     bool already_split = false, std::optional<std::int64_t> shard_offset = std::nullopt);

  /// The same with the logsumexp: lse (batch, heads, local rows).
  Partial forward_with_lse(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                           const std::optional<at::Tensor>& attention_mask = std::nullopt, bool is_causal = false,
                           bool already_split = false, std::optional<std::int64_t> shard_offset = std::nullopt);

  /// forward for whoever makes query, key and value of a whole sequence and would rather make this rank's rows of them
  /// alone: `make` is told which those are, of which batch indices, and returns them, (batch share, local rows, heads
  /// or kv_heads, dim). The mask is that of the whole sequence.
  struct Sequence {
    std::int64_t batch = 1;
    std::int64_t seq_len = 1;
    std::int64_t heads = 1;
    std::int64_t kv_heads = 1;
    at::ScalarType dtype = at::kFloat;
  };
  struct BatchShare {
    std::int64_t begin = 0;
    std::int64_t count = 0;
  };
  struct OwnRows {
    at::Tensor query;
    at::Tensor key;
    at::Tensor value;
  };
  Partial forward_made(const Sequence& sequence, const std::optional<at::Tensor>& attention_mask, bool is_causal,
                       const std::function<OwnRows(const Positions&, const BatchShare&)>& make);

  /// What this rank's ring takes of a batch: shares differ by one at most. UsageError for a batch of fewer than there
  /// are rings.
  BatchShare batch_share(std::int64_t batch) const;

  /// The global positions of this rank's rows for a sequence of `seq_len` rows of `heads` heads; where shards of other
  /// sizes are given, they lie as those say. kv_heads 0: as many as heads.
  Positions positions(std::int64_t seq_len, std::int64_t heads, bool is_causal = false, bool already_split = false,
                      std::int64_t kv_heads = 0);

  /// What holds for the calls that follow; the same on every rank.
  struct Options {
    Window window{};
    std::vector<std::int64_t> documents{};  ///< cumulative lengths of packed documents
    bool is_training = false;               ///< config().dropout applies
    std::uint64_t dropout_seed = 0;         ///< another one for each step
  };
  void set_options(Options options) { options_ = std::move(options); }

  const RingAttentionConfig& config() const { return config_; }

  /// What this rank's calls came to since it was made, or since the checkpoint that it was restored from.
  const RingCommunicationStats& statistics() const { return records_->of(ring().rank()).statistics; }
  std::int64_t forwards() const { return forwards_; }
  /// With enable_profiling: what this rank did when; trace_json() is what chrome://tracing and Perfetto read.
  const TraceLog& trace() const { return records_->of(ring().rank()).trace; }
  std::string trace_json() const;
  /// With compile_mode max-autotune: what was tried for the last call, and taken. Else "".
  std::string tuning() const { return tuning_; }

  /// Where sentences go: statistics of each call with log_communication_stats, and, once, fields that can't act here.
  /// The standard error stream unless it is set.
  void set_log(std::function<void(const std::string&)> log) { log_ = std::move(log); }

  /// A snapshot. With checkpoint_frequency f one is saved after every f-th forward, in a file a rank of the folder,
  /// "ringattn-checkpoints" unless it is set.
  RingCheckpoint checkpoint() const;
  void set_checkpoint_folder(std::filesystem::path folder) { checkpoint_folder_ = std::move(folder); }
  /// Goes on from the checkpoint that the folder has of this rank: statistics, count of calls, and the state of
  /// LibTorch's CPU generator. UsageError where there is none, it is damaged, or was written with another configuration
  /// or world.
  void restore(const std::filesystem::path& folder);

 protected:
  /// The ranks that this one computes with.
  Communicator& ring() const { return ring_ ? static_cast<Communicator&>(*ring_) : communicator_; }
  const std::shared_ptr<CallRecords>& records() const { return records_; }
  void say(const std::string& line) const;

  /// The attention for one problem. `shard_rows`: of all ranks of the ring, where the inputs came in contiguous shards.
  virtual std::shared_ptr<Attention> do_make(const RingAttentionConfig& config, const Problem& problem,
                                             const std::optional<std::vector<std::int64_t>>& shard_rows);

 private:
  virtual std::string do_name() const { return "standard"; }
  /// Around one forward call.
  virtual void do_call(const Attention& attention, const RankInputs& inputs, const std::function<void()>& call);

  struct Planned {
    Problem problem;
    bool already_split;
    std::optional<std::vector<std::int64_t>> shard_rows;
    std::shared_ptr<Attention> attention;
  };
  Partial run(const std::shared_ptr<Attention>& attention, const RankInputs& inputs);
  Problem problem_of(std::int64_t seq_len, std::int64_t heads, std::int64_t kv_heads, bool is_causal) const;
  Partial forward_split(const RankInputs& own, bool is_causal, std::optional<std::int64_t> shard_offset);
  /// `shard_rows`: of all ranks, where the inputs came split; nothing: the layout's own.
  std::shared_ptr<Attention> attention_for(const Problem& problem, bool already_split,
                                           const std::optional<std::vector<std::int64_t>>& shard_rows = std::nullopt);

  RingAttentionConfig config_;
  Communicator& communicator_;
  std::shared_ptr<SubCommunicator> ring_;  ///< where the world has several rings
  Options options_;
  std::shared_ptr<CallRecords> records_ = std::make_shared<CallRecords>();
  std::int64_t forwards_ = 0;
  std::string tuning_;
  std::function<void(const std::string&)> log_;
  std::filesystem::path checkpoint_folder_ = "ringattn-checkpoints";
  std::vector<Planned> planned_;
};

}  // namespace ringattn
