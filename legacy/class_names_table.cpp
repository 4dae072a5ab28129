#include "legacy/class_names.h"

namespace ringattn::legacy {
namespace {

// Constructors that several classes share.
constexpr std::string_view enterprise =
    "embed_dim, num_heads, segment_lengths, dilation_rates, dropout=0.0, bias=true, layer_norm=true, "
    "layer_norm_eps=1e-05, gamma_init=1.0, block_size=1024, ring_size=null, use_checkpointing=true, "
    "model_parallel=false, sequence_parallel=true, data_parallel=true, use_deepspeed=true, zero_stage=3, "
    "cpu_offload=false, nvme_offload=false, use_8bit_optimizer=false, use_gradient_compression=false, "
    "activation_checkpointing=true, communication_backend=\"nccl\", bucket_size=25, overlap_communication=true, "
    "enable_fault_tolerance=true, checkpoint_interval=1000, auto_resume=true, enable_monitoring=true, "
    "profile_memory=false, log_level=\"INFO\", use_tf32=true, use_flash_attention=true, compile_model=false, "
    "device=null, dtype=null";
constexpr std::string_view head_parallel_optimized =
    "segment_lengths, dilation_rates, dropout=0.0, use_xformers=true, use_flex_attention=false, "
    "use_flash_attention=true, use_memory_pool=true, use_pattern_cache=true, device=null, dtype=null";
constexpr std::string_view curve_kernel = "hidden_dim, num_heads, segment_size=256, dilation_rate=1, dropout=0.0";
constexpr std::string_view first_ring =
    "segment_lengths, dilation_rates, dropout=0.0, use_tf32=true, block_size=1024, ring_size=null, "
    "use_checkpointing=true, device=null, dtype=null";
constexpr std::string_view whole_sequence = "dropout=0.0, device=null, dtype=null";
constexpr std::string_view flash_ring =
    "segment_lengths, dilation_rates, dropout=0.0, ring_size=null, device=null, dtype=null, enable_memory_pool=false, "
    "enable_profiling=false, lightweight_pool=true, use_pattern_cache=true, memory_pool_threshold_mb=16.0, "
    "use_flash_attention=true, flash_chunk_size=2048";
constexpr std::string_view hybrid =
    "segment_lengths, dilation_rates, dropout=0.0, ring_size=null, device=null, dtype=null, enable_memory_pool=true, "
    "enable_profiling=false, lightweight_pool=true, use_pattern_cache=true, memory_pool_threshold_mb=16.0, "
    "use_flash_attention=true, use_bucketed=false";
constexpr std::string_view configured = "config";
constexpr std::string_view x_hilbert =
    "embed_dim, num_heads, segment_lengths, dilation_rates, dropout=0.0, bias=true, use_hilbert=true, device=null, "
    "dtype=null";
constexpr std::string_view spans =
    "config=null, dim=null, heads=null, segment_lengths=[2048, 4096, 8192], dilation_rates=[1, 2, 4], ring_size=null, "
    "dropout=0.0, use_hilbert=true, use_custom_backward=true, **";
constexpr std::string_view curve_keys =
    "config=null, dim=null, heads=null, segment_lengths=null, dilation_rates=null, ring_size=null, dropout=0.0, "
    "use_hilbert=true, hilbert_chunk_size=null, **";
constexpr std::string_view curve_hybrid =
    "segment_lengths, dilation_rates, dropout=0.0, ring_size=null, device=null, dtype=null, enable_memory_pool=true, "
    "enable_profiling=false, use_pattern_cache=true, use_flash_attention=false, hilbert_chunk_size=null, "
    "cache_hilbert_mappings=true, apply_hilbert_to_kv=true";
constexpr std::string_view hybrid_optimized =
    "segment_lengths, dilation_rates, dropout=0.0, ring_size=null, device=null, dtype=null, enable_memory_pool=true, "
    "enable_profiling=false, lightweight_pool=true, use_pattern_cache=true, memory_pool_threshold_mb=16.0, "
    "use_flash_attention=true, batch_segments=true, precompute_patterns=true";
constexpr std::string_view hybrid_fixed =
    "segment_lengths, dilation_rates, dropout=0.0, ring_size=null, device=null, dtype=null, enable_memory_pool=true, "
    "use_pattern_cache=true, use_flash_attention=true";
constexpr std::string_view pooled_ring =
    "segment_lengths, dilation_rates, dropout=0.0, ring_size=null, device=null, dtype=null, enable_memory_pool=false, "
    "enable_profiling=false, lightweight_pool=true, use_pattern_cache=true";

constexpr ReleasedName table[] = {
    {"DilatedAttention", "base", "base.dilated_attention", "base .", false,
     "segment_lengths, dilation_rates, softmax_scale=null, attention_dropout=0.0, op=null, enable_memory_pool=false, "
     "enable_profiling=false, lightweight_pool=true, **"},
    {"DilatedAttention", "base", "dilated_attention", "", false,
     "segment_lengths, dilation_rates, softmax_scale=null, attention_dropout=0.0, op=null, **"},
    {"EnterpriseDistributedDilatedAttention", "ring_dist", "ring.distributed.enterprise_distributed_dilated_attention",
     "ring.distributed .", true, enterprise},
    {"HeadParallelDilatedAttention", "head_parallel", "head_parallel_dilated_attention", ".", false,
     "segment_lengths, dilation_rates, dropout=0.0, use_xformers=true, use_flex_attention=false, device=null, "
     "dtype=null"},
    {"HeadParallelDilatedAttentionOptimized", "head_parallel_opt", "base.head_parallel_dilated_attention_optimized",
     "base", false, head_parallel_optimized},
    {"HeadParallelDilatedAttentionOptimized", "head_parallel_opt", "head_parallel_dilated_attention_optimized", "",
     false, head_parallel_optimized},
    {"HeadParallelMultiheadDilatedAttention", "head_parallel_mha", "head_parallel_dilated_attention", ".", true,
     "embed_dim, num_heads, segment_lengths, dilation_rates, dropout=0.0, bias=true, device=null, dtype=null, "
     "use_xformers=true"},
    {"HilbertAttentionCore", "hilbert_attention_core", "kernels.hilbert_attention_core", "kernels", true,
     "hidden_dim, num_heads, segment_size=128, dilation_rate=1, dropout=0.0, use_custom_backward=true"},
    {"HilbertAttentionCoreFixed", "hilbert_attention_core_fixed_kernel", "kernels.hilbert_attention_core_fixed", "",
     true, "hidden_dim, num_heads, segment_size=2048, dilation_rate=1, dropout=0.0, use_custom_backward=true"},
    {"HilbertAttentionTritonSimple", "hilbert_triton_v3", "kernels.hilbert_dilated_attention_triton_v3", "", true,
     "hidden_dim, num_heads, segment_size=128, dilation_rate=1"},
    {"HilbertAttentionTritonWrapper", "hilbert_triton_wrapper", "kernels.hilbert_attention_triton_wrapper", "kernels",
     false, "segment_lengths, dilation_rates, dropout=0.0, **"},
    {"HilbertDilatedAttention", "hilbert_attention_final", "kernels.hilbert_attention_final", "", true,
     "hidden_dim, num_heads, segment_size=128, dilation_rate=1, dropout=0.0, use_flash=true"},
    {"HilbertDilatedAttention", "hilbert_cuda_file", "kernels.hilbert_dilated_attention", "", true,
     "hidden_dim, num_heads, segment_size=256, dilation_rate=1, use_cuda_kernel=true"},
    {"HilbertDilatedAttentionTriton", "hilbert_triton_v1", "kernels.hilbert_dilated_attention_triton", "", true,
     curve_kernel},
    {"HilbertDilatedAttentionTriton", "hilbert_triton_v2", "kernels.hilbert_dilated_attention_triton_v2", "", true,
     curve_kernel},
    {"HilbertRingDilatedAttention", "ring_hilbert", "ring_hilbert_dilated_attention", ".", false,
     "segment_lengths, dilation_rates, dropout=0.0, causal=false, use_xformers=true, attention_backend=\"auto\", "
     "ring_size=null, use_flash_attention=true, sequence_parallel=false, gradient_checkpointing=false, "
     "mixed_precision=true, memory_efficient_backward=true, hilbert_chunk_size=null, cache_hilbert_mappings=true"},
    {"ImprovedDilatedAttention", "improved", "base.improved_dilated_attention", "base .", false,
     "segment_lengths, dilation_rates, dropout=0.0, use_tf32=true, enable_memory_pool=false, enable_profiling=false, "
     "lightweight_pool=true, **"},
    {"ImprovedDilatedAttention", "improved", "improved_dilated_attention", "", false,
     "segment_lengths, dilation_rates, dropout=0.0, use_tf32=true, **"},
    {"OptimizedRingDilatedAttention", "optimized_root", "ring_dilated_attention_optimized", "", false, first_ring},
    {"OptimizedUnfoldRingDilatedAttention", "unfold_optimized", "ring_dilated_attention_unfold_optimized", "", false,
     first_ring},
    {"RingAdvancedDistributedDilatedAttention", "ring_adv_dist", "ring_advanced_distributed_dilated_attention", ".",
     true, enterprise},
    {"RingAttentionCorrect", "ring_correct", "ring_attention_correct", "", false, whole_sequence},
    {"RingAttentionCorrectV2", "ring_correct_v2", "ring_attention_correct_v2", "", false, whole_sequence},
    {"RingAttentionV2Simple", "v2_simple", "ring_attention_v2_simple", "", false,
     "segment_lengths, dilation_rates, dropout=0.0, device=null, dtype=null"},
    {"RingAttentionWrapper", "correct_wrapper", "ring.base.ring_dilated_attention_correct", "ring.base ring", true,
     "embed_dim, num_heads, segment_lengths, dilation_rates, **"},
    {"RingDilatedAttention", "v1", "ring_dilated_attention", ".", false, first_ring},
    {"RingDilatedAttention", "v2_collective", "", ".", false, flash_ring},
    {"RingDilatedAttention", "hybrid", "", ".", false, hybrid},
    {"RingDilatedAttention", "production", "", ".", false, configured},
    {"RingDilatedAttention", "correct", "", "ring", true, x_hilbert},
    {"RingDilatedAttentionCorrect", "correct", "ring.base.ring_dilated_attention_correct", "ring.base ring", true,
     x_hilbert},
    {"RingDilatedAttentionCorrect", "correct", "ring_dilated_attention_correct", "", true, x_hilbert},
    {"RingDilatedAttentionFixed", "fixed_1", "ring_dilated_attention_fixed", "", false, first_ring},
    {"RingDilatedAttentionFixed", "fixed", "ring_dilated_attention_fixed", ".", false,
     "segment_lengths, dilation_rates, dropout=0.0, ring_size=null, device=null, dtype=null"},
    {"RingDilatedAttentionFixedSimple", "fixed_simple", "ring.base.ring_dilated_attention_fixed_simple",
     "ring.base ring", true, "embed_dim, num_heads, dropout=0.0, device=null, dtype=null"},
    {"RingDilatedAttentionHilbertCore", "hilbert_core", "ring.hilbert.ring_dilated_attention_hilbert_core",
     "ring.hilbert ring", true, spans},
    {"RingDilatedAttentionHilbertCoreFixed", "hilbert_core_fixed",
     "ring.hilbert.ring_dilated_attention_hilbert_core_fixed", "ring.hilbert", false, spans},
    {"RingDilatedAttentionHilbertFixed", "hilbert_fixed", "ring_dilated_attention_hilbert_fixed", "", false,
     "segment_lengths, dilation_rates, dropout=0.0, ring_size=null, device=null, dtype=null, "
     "cache_hilbert_mappings=true, apply_hilbert_to_kv=true"},
    {"RingDilatedAttentionHilbertGPUOptimized", "hilbert_gpu_optimized",
     "ring.hilbert.ring_dilated_attention_hilbert_gpu_optimized", "ring.hilbert ring .", true,
     "embed_dim, num_heads, segment_lengths, dilation_rates, dropout=0.0, bias=true, ring_size=null, use_hilbert=true, "
     "device=null, dtype=null, attention_backend=null, benchmark_backends=false"},
    {"RingDilatedAttentionHilbertOptimized", "hilbert_optimized", "ring_dilated_attention_hilbert_optimized", ".",
     false,
     "segment_lengths, dilation_rates, dropout=0.0, ring_size=null, device=null, dtype=null, enable_memory_pool=true, "
     "enable_profiling=false, use_pattern_cache=true, use_flash_attention=false, hilbert_chunk_size=null, "
     "cache_hilbert_mappings=true, apply_hilbert_to_kv=true, precompute_patterns=true, overlap_communication=false"},
    {"RingDilatedAttentionHilbertOptimizedCorrect", "hilbert_optimized_correct",
     "ring.hilbert.ring_dilated_attention_hilbert_optimized_correct", "ring.hilbert", true,
     "embed_dim, num_heads, segment_lengths, dilation_rates, dropout=0.0, bias=true, use_hilbert=true, device=null, "
     "dtype=null, attention_backend=null, benchmark_backends=false, memory_efficient=true"},
    {"RingDilatedAttentionHilbertOptimizedFixed", "hilbert_optimized_fixed",
     "ring.hilbert.ring_dilated_attention_hilbert_optimized_fixed", "ring.hilbert ring", false, curve_keys},
    {"RingDilatedAttentionHilbertOptimizedFixed", "hilbert_optimized_fixed_a",
     "ring_dilated_attention_hilbert_optimized_fixed", "", false, curve_hybrid},
    {"RingDilatedAttentionHilbertOptimizedFixed", "hilbert_optimized_fixed_b",
     "ring_dilated_attention_hilbert_optimized_fixed", "", false, curve_keys},
    {"RingDilatedAttentionHilbertOptimizedFixed", "hilbert_optimized_fixed_global",
     "ring_dilated_attention_hilbert_optimized_fixed", "", false, curve_keys},
    {"RingDilatedAttentionHilbertOptimizedFixedV2", "hilbert_optimized_fixed_v2",
     "ring.hilbert.ring_dilated_attention_hilbert_optimized_fixed_v2", "ring.hilbert", true,
     "embed_dim, num_heads, segment_lengths, dilation_rates, dropout=0.1, use_hilbert=true, bias=true, device=null, "
     "dtype=null, attention_backend=null, memory_efficient=true"},
    {"RingDilatedAttentionHilbertOptimizedProper", "hilbert_optimized_proper",
     "ring_dilated_attention_hilbert_optimized_proper", "", false, curve_hybrid},
    {"RingDilatedAttentionHilbertProper", "hilbert_proper", "ring.hilbert.ring_dilated_attention_hilbert_proper",
     "ring.hilbert ring", true,
     "embed_dim, num_heads, segment_lengths, dilation_rates, dropout=0.0, bias=true, ring_size=null, use_hilbert=true, "
     "device=null, dtype=null"},
    {"RingDilatedAttentionHilbertRefactored", "hilbert_refactored", "ring_dilated_attention_hilbert_refactored", "",
     false,
     "segment_lengths, dilation_rates, dropout=0.0, ring_size=null, device=null, dtype=null, enable_memory_pool=true, "
     "enable_profiling=false, use_pattern_cache=true, use_flash_attention=false, cache_hilbert_mappings=true, "
     "apply_hilbert_to_kv=true"},
    {"RingDilatedAttentionHilbertV2", "hilbert_v2", "ring_dilated_attention_hilbert_v2", "", false,
     "segment_lengths, dilation_rates, dropout=0.0, ring_size=null, device=null, dtype=null, enable_memory_pool=true, "
     "enable_profiling=false, use_pattern_cache=true, use_flash_attention=false, precompute_patterns=true, "
     "overlap_communication=false, use_hilbert=true, hilbert_mode=\"dilated\", **"},
    {"RingDilatedAttentionHybrid", "hybrid_a", "ring_dilated_attention_hybrid", ".", false, hybrid},
    {"RingDilatedAttentionHybrid", "hybrid", "ring_dilated_attention_hybrid", ".", false, hybrid},
    {"RingDilatedAttentionHybrid", "hybrid_opt", "ring_dilated_attention_hybrid_optimized", "", false,
     hybrid_optimized},
    {"RingDilatedAttentionHybridCorrected", "hybrid_fixed", "ring_dilated_attention_hybrid_fixed", "", false,
     hybrid_fixed},
    {"RingDilatedAttentionHybridFixed", "hybrid_fixed", "ring_dilated_attention_hybrid_fixed", "", false, hybrid_fixed},
    {"RingDilatedAttentionHybridFixed", "hybrid_fixed_w", "ring_dilated_attention_hybrid_fixed", "", false,
     "config=null, dim=null, heads=null, segment_lengths=null, dilation_rates=null, ring_size=null, dropout=0.0, **"},
    {"RingDilatedAttentionHybridHilbert", "hybrid_hilbert_36bbb90", "ring_dilated_attention_hybrid_hilbert", "", false,
     "segment_lengths, dilation_rates, dropout=0.0, ring_size=null, device=null, dtype=null, enable_memory_pool=true, "
     "enable_profiling=false, use_pattern_cache=true, use_flash_attention=false, precompute_patterns=true, "
     "overlap_communication=false, use_hilbert=true, hilbert_chunk_size=4096"},
    {"RingDilatedAttentionHybridHilbert", "hybrid_hilbert_3ce07ad", "ring_dilated_attention_hybrid_hilbert", "", false,
     "segment_lengths, dilation_rates, dropout=0.0, ring_size=null, device=null, dtype=null, enable_memory_pool=true, "
     "enable_profiling=false, use_pattern_cache=true, use_flash_attention=false, precompute_patterns=true, "
     "overlap_communication=false, use_hilbert=true, hilbert_chunk_size=4096, use_xformers=true, attention_op=null"},
    {"RingDilatedAttentionHybridOptimized", "hybrid_opt", "ring_dilated_attention_hybrid_optimized", "", false,
     hybrid_optimized},
    {"RingDilatedAttentionHybridOptimizedV2", "hybrid_opt_v2", "ring_dilated_attention_hybrid_optimized_v2", "", false,
     "segment_lengths, dilation_rates, dropout=0.0, ring_size=null, device=null, dtype=null, enable_memory_pool=true, "
     "enable_profiling=false, use_pattern_cache=true, use_flash_attention=false, precompute_patterns=true, "
     "overlap_communication=false"},
    {"RingDilatedAttentionHybridOptimizedV2Refactored", "hybrid_opt_v2_ref",
     "ring_dilated_attention_hybrid_optimized_v2_refactored", "", false,
     "segment_lengths, dilation_rates, dropout=0.0, ring_size=null, device=null, dtype=null, enable_memory_pool=true, "
     "enable_profiling=false, use_pattern_cache=true, use_flash_attention=false"},
    {"RingDilatedAttentionMemoryEfficient", "memory_efficient", "ring.base.ring_dilated_attention_memory_efficient",
     "ring.base ring", true,
     "embed_dim, num_heads, segment_lengths=null, dilation_rates=null, dropout=0.0, bias=true, device=null, "
     "dtype=null"},
    {"RingDilatedAttentionProduction", "production", "ring_dilated_attention_production", ".", false, configured},
    {"RingDilatedAttentionProduction", "correct", "", "ring", true, x_hilbert},
    {"RingDilatedAttentionProductionFixed", "production_fixed", "ring_dilated_attention_production_fixed", "", false,
     "config=null, dim=null, heads=null, segment_lengths=null, dilation_rates=null, ring_size=null, dropout=0.0, "
     "ring_attention_config=null, **"},
    {"RingDilatedAttentionRefactored", "refactored", "ring_dilated_attention_refactored", "", false,
     "segment_lengths, dilation_rates, dropout=0.0, ring_size=null, device=null, dtype=null, enable_memory_pool=true, "
     "use_pattern_cache=true"},
    {"RingDilatedAttentionSDPA", "sdpa", "ring.base.ring_dilated_attention_sdpa", "ring.base ring", true,
     "embed_dim, num_heads, segment_lengths, dilation_rates, dropout=0.0, bias=true, device=null, dtype=null"},
    {"RingDilatedAttentionSimpleTriton", "simple_triton", "ring_dilated_attention_simple_triton", "", false,
     "segment_lengths, dilation_rates, dropout=0.0, ring_size=null, device=null, dtype=null, use_hilbert=true"},
    {"RingDilatedAttentionTritonIntegrated", "triton_integrated", "ring_dilated_attention_triton_integrated", "", false,
     "segment_lengths, dilation_rates, dropout=0.0, ring_size=null, device=null, dtype=null, use_triton=true, "
     "block_m=32, block_d=64"},
    {"RingDilatedAttentionTritonKernel", "triton_kernel", "ring_dilated_attention_triton_kernel", "", false,
     "segment_lengths, dilation_rates, dropout=0.0, ring_size=null, device=null, dtype=null, block_m=128, block_n=128, "
     "block_d=64"},
    {"RingDilatedAttentionTritonOptimized", "triton_opt", "ring_dilated_attention_triton_optimized", "", false,
     "segment_lengths, dilation_rates, dropout=0.0, ring_size=null, device=null, dtype=null, use_triton_hilbert=true, "
     "use_sdpa=true, enable_memory_pool=false, apply_hilbert_to_dilated=true, hilbert_chunk_size=4096"},
    {"RingDilatedAttentionTrue", "hybrid", "ring_dilated_attention_hybrid", ".", false, hybrid},
    {"RingDilatedAttentionV2", "v2", "ring_dilated_attention_v2", ".", false, pooled_ring},
    {"RingDilatedAttentionV2Collective", "v2_collective", "ring_dilated_attention_v2_collective", ".", false,
     flash_ring},
    {"RingDilatedAttentionV2Corrected", "v2_corrected", "ring_dilated_attention_v2_corrected", "", false, pooled_ring},
    {"RingDilatedAttentionV2Fixed", "v2_fixed", "ring_dilated_attention_v2_fixed", "", false, pooled_ring},
    {"RingDilatedAttentionV2Flash", "v2_flash", "ring_dilated_attention_v2_flash", "", false, flash_ring},
    {"RingDilatedAttentionV2Robust", "v2_robust", "ring_dilated_attention_v2_robust", "", false,
     "segment_lengths, dilation_rates, dropout=0.0, ring_size=null, device=null, dtype=null, use_flash_attention=true, "
     "min_seq_length_for_ring=8192"},
    {"RingDilatedAttentionV3", "v3a", "ring_dilated_attention_v3", "", false,
     "segment_lengths, dilation_rates, dropout=0.0, ring_size=null, device=null, dtype=null, enable_memory_pool=false, "
     "enable_profiling=false, lightweight_pool=true, use_pattern_cache=true, cache_on_gpu=true"},
    {"RingDilatedAttentionV3", "v3b", "ring_dilated_attention_v3", ".", false,
     "segment_lengths, dilation_rates, dropout=0.0, bucket_size=1024, ring_size=null, device=null, dtype=null, "
     "use_bucketed=true, grad_checkpoint_buckets=false"},
    {"RingDilatedAttentionV3", "v3", "ring.base.ring_dilated_attention_v3", "ring.base ring", true, x_hilbert},
    {"RingDistributedDilatedAttention", "ring_dist", "ring.distributed.ring_distributed_dilated_attention",
     "ring.distributed ring .", true, enterprise},
    {"RingDistributedDilatedAttention", "ring_dist", "ring_distributed_dilated_attention", "", true, enterprise},
    {"RingDistributedDilatedAttention", "ring_dist_refactored", "ring_distributed_refactored", "", true, enterprise},
    {"RingMultiheadDilatedAttention", "ring_mha_a", "ring_multihead_dilated_attention", ".", true,
     "embed_dim, num_heads, segment_lengths, dilation_rates, dropout=0.0, bias=true, layer_norm=true, "
     "layer_norm_eps=1e-05, gamma_init=1.0, block_size=1024, ring_size=null, use_checkpointing=true, use_tf32=true, "
     "use_flash_attention=true, compile_model=false, device=null, dtype=null"},
    {"RingMultiheadDilatedAttention", "ring_mha_b", "ring_multihead_dilated_attention", ".", true,
     "embed_dim, num_heads, segment_lengths, dilation_rates, dropout=0.0, bias=true, layer_norm=false, "
     "layer_norm_eps=1e-05, gamma_init=1.0, ring_size=null, device=null, dtype=null, batch_first=true, "
     "enable_memory_pool=true, enable_pattern_cache=true, use_flash_attention=true"},
    {"RingMultiheadDilatedAttentionHybrid", "hybrid_mha", "ring_multihead_dilated_attention_hybrid", ".", true,
     "embed_dim, num_heads, segment_lengths, dilation_rates, dropout=0.0, bias=true, add_bias_kv=false, "
     "add_zero_attn=false, kdim=null, vdim=null, batch_first=true, device=null, dtype=null, ring_size=null, "
     "enable_memory_pool=true, use_pattern_cache=true, use_flash_attention=true, layer_norm=false, gamma_init=1.0, "
     "gate_fn=null, gate_bias=0.0, gate_temperature=1.0"},
    {"RingMultiheadDilatedAttentionV3", "v3b_mha", "ring_dilated_attention_v3", ".", true,
     "embed_dim, num_heads, segment_lengths, dilation_rates, dropout=0.0, bias=true, batch_first=true, device=null, "
     "dtype=null, bucket_size=1024, ring_size=null, use_bucketed=true, grad_checkpoint_buckets=false"},
    {"SimulatedRingDilatedAttention", "simulated", "simulated_ring_dilated_attention", "", false,
     "segment_lengths, dilation_rates, dropout=0.0, ring_size=1, chunk_k_v=true, device=null, dtype=null"},
    {"TrueRingDilatedAttention", "true_ring", "true_ring_dilated_attention", "", false,
     "segment_lengths, dilation_rates, dropout=0.0, ring_size=1, chunk_size_kv=null, device=null, dtype=null"},
    {"TrueRingDilatedAttention", "true", "ring_dilated_attention_true", "", false,
     "segment_lengths, dilation_rates, dropout=0.0, bucket_size=1024, ring_size=null, device=null, dtype=null"},
    {"TrueRingMultiheadDilatedAttention", "true_mha", "ring_dilated_attention_true", "", true,
     "embed_dim, num_heads, segment_lengths, dilation_rates, dropout=0.0, bias=true, add_bias_kv=false, "
     "add_zero_attn=false, kdim=null, vdim=null, batch_first=true, device=null, dtype=null, bucket_size=1024, "
     "ring_size=null"},
    {"UnfoldRingDilatedAttention", "unfold", "ring_dilated_attention_unfold", "", false,
     "segment_lengths, dilation_rates, dropout=0.0, ring_size=1, ring_group=null"},
    {"UnfoldRingDilatedAttention", "unfold_v2", "ring_dilated_attention_unfold_v2", "", false, first_ring},
};

}  // namespace

std::span<const ReleasedName> released_names() { return table; }

}  // namespace ringattn::legacy
