#include "legacy/parameters.h"

namespace ringattn::legacy {
namespace {

constexpr auto kept = ParameterFate::kept;
constexpr auto renamed = ParameterFate::renamed;
constexpr auto dropped = ParameterFate::dropped;
constexpr auto refused = ParameterFate::refused;

constexpr std::string_view projection =
    "belongs to the projections around the attention; RingMultiheadAttention, which comes with training, has them";
constexpr std::string_view speed = "changed speed or memory, never the result";
constexpr std::string_view backend = "which kernel computes a tile is the field backend, \"auto\" by itself";
constexpr std::string_view training = "belongs to the training set-up around the attention";
constexpr std::string_view curve = "the curve order is part of the pattern";

constexpr ParameterRule rules[] = {
    {"segment_lengths", kept, "segment_lengths", ""},
    {"dilation_rates", kept, "dilation_rates", ""},
    {"segment_size", renamed, "segment_lengths", "a list of one"},
    {"dilation_rate", renamed, "dilation_rates", "a list of one"},
    {"dropout", kept, "dropout", "of attention weights, in training"},
    {"attention_dropout", renamed, "dropout", "of attention weights, in training"},
    {"softmax_scale", kept, "softmax_scale", "the released class heeded it on its xFormers path alone"},
    {"attention_scale", renamed, "softmax_scale", ""},
    {"device", kept, "device", ""},
    {"dtype", kept, "dtype", ""},
    {"use_tf32", kept, "use_tf32", ""},
    {"ring_size", kept, "ring_size", "none is the world size; any other number must equal it"},
    {"communication_backend", kept, "communication_backend", ""},
    {"overlap_communication", kept, "overlap_communication", ""},
    {"enable_error_recovery", kept, "enable_error_recovery", ""},
    {"enable_fault_tolerance", renamed, "enable_error_recovery", ""},
    {"enable_profiling", kept, "enable_profiling", ""},
    {"profile_memory", renamed, "enable_profiling", ""},
    {"log_communication_stats", kept, "log_communication_stats", ""},
    {"use_memory_pool", kept, "use_memory_pool", ""},
    {"enable_memory_pool", renamed, "use_memory_pool", ""},
    {"compile_mode", kept, "compile_mode", ""},
    {"compile_model", renamed, "compile_mode", "true is \"default\", false is null"},
    {"config", refused, "", "a configuration object: its fields are needed"},
    {"ring_attention_config", refused, "", "a configuration object: its fields are needed"},

    {"embed_dim", dropped, "", projection},
    {"hidden_dim", dropped, "", projection},
    {"num_heads", dropped, "", projection},
    {"dim", dropped, "", "the head dimension is read off the inputs"},
    {"heads", dropped, "", "the number of heads is read off the inputs"},
    {"bias", dropped, "", projection},
    {"layer_norm", dropped, "", projection, true},
    {"layer_norm_eps", dropped, "", projection},
    {"gamma_init", dropped, "", projection},
    {"add_bias_kv", dropped, "", projection, true},
    {"add_zero_attn", dropped, "", projection, true},
    {"kdim", dropped, "", projection},
    {"vdim", dropped, "", projection},
    {"batch_first", dropped, "", "inputs are always (batch, seq, heads, dim)", true},
    {"gate_fn", dropped, "", projection, true},
    {"gate_bias", dropped, "", projection},
    {"gate_temperature", dropped, "", projection},

    {"causal", dropped, "", "is_causal is given with each call", true},
    {"use_hilbert", dropped, "", curve, true},
    {"hilbert_chunk_size", dropped, "", curve, true},
    {"hilbert_mode", dropped, "", curve, true},
    {"apply_hilbert_to_kv", dropped, "", curve, true},
    {"apply_hilbert_to_dilated", dropped, "", curve, true},
    {"use_triton_hilbert", dropped, "", curve},
    {"cache_hilbert_mappings", dropped, "", speed},
    {"batch_segments", dropped, "", speed, true},
    {"ring_group", dropped, "", "ranks are those of the communicator that the factory gets", true},
    {"min_seq_length_for_ring", dropped, "", "every length goes round the ring"},

    {"use_flash_attention", dropped, "", backend},
    {"use_flash", dropped, "", backend},
    {"flash_chunk_size", dropped, "", backend},
    {"use_sdpa", dropped, "", backend},
    {"use_xformers", dropped, "", backend},
    {"use_flex_attention", dropped, "", backend},
    {"use_triton", dropped, "", backend},
    {"use_cuda_kernel", dropped, "", backend},
    {"attention_backend", dropped, "", backend},
    {"attention_op", dropped, "", backend},
    {"op", dropped, "", backend},
    {"benchmark_backends", dropped, "", backend},
    {"use_custom_backward", dropped, "", backend},
    {"block_m", dropped, "", backend},
    {"block_n", dropped, "", backend},
    {"block_d", dropped, "", backend},

    {"memory_efficient", dropped, "", speed},
    {"memory_efficient_backward", dropped, "", speed},
    {"lightweight_pool", dropped, "", speed},
    {"memory_pool_size", dropped, "", speed},
    {"memory_pool_threshold_mb", dropped, "", speed},
    {"use_pattern_cache", dropped, "", speed},
    {"enable_pattern_cache", dropped, "", speed},
    {"precompute_patterns", dropped, "", speed},
    {"cache_on_gpu", dropped, "", speed},
    {"block_size", dropped, "", speed},
    {"bucket_size", dropped, "", speed},
    {"use_bucketed", dropped, "", speed},
    {"grad_checkpoint_buckets", dropped, "", speed},
    {"chunk_size_kv", dropped, "", speed},
    {"chunk_k_v", dropped, "", speed},
    {"log_memory_usage", dropped, "", "every run reports its peak bytes"},
    {"mixed_precision", dropped, "", "cast to fp16 on CUDA; dtype says which precision now"},

    {"use_checkpointing", dropped, "", training},
    {"use_gradient_checkpointing", dropped, "", training},
    {"gradient_checkpointing", dropped, "", training},
    {"activation_checkpointing", dropped, "", training},
    {"checkpoint_interval", dropped, "", training},
    {"sequence_parallel", dropped, "", training},
    {"model_parallel", dropped, "", training},
    {"data_parallel", dropped, "", training},
    {"use_deepspeed", dropped, "", training},
    {"zero_stage", dropped, "", training},
    {"cpu_offload", dropped, "", training},
    {"nvme_offload", dropped, "", training},
    {"use_8bit_optimizer", dropped, "", training},
    {"use_gradient_compression", dropped, "", training},
    {"auto_resume", dropped, "", training},
    {"enable_monitoring", dropped, "", training},
    {"log_level", dropped, "", training},
};

}  // namespace

const ParameterRule* find_rule(std::string_view parameter) {
  for (const ParameterRule& rule : rules) {
    if (rule.name == parameter) return &rule;
  }
  return nullptr;
}

std::vector<std::string> known_parameters() {
  std::vector<std::string> names;
  for (const ParameterRule& rule : rules) names.emplace_back(rule.name);
  return names;
}

}  // namespace ringattn::legacy
