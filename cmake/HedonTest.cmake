if(HEDON_DEVICE_ONLY)
  # Where cmocka may be missing: as much of it as these tests use.
  add_library(hedon_cmocka INTERFACE)
  target_include_directories(hedon_cmocka INTERFACE ${CMAKE_SOURCE_DIR}/tests/plain)
else()
  pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
  add_library(hedon_cmocka INTERFACE)
  target_link_libraries(hedon_cmocka INTERFACE PkgConfig::CMOCKA)
endif()

# hedon_test(NAME libs...): tests/NAME.c becomes the ctest NAME, linked with libs and cmocka.
# Tests find the checkout through HEDON_SOURCE_DIR, the programs through HEDON_BINARY_DIR and
# the real videos, when they are there, through HEDON_MEDIA_DIR.
function(hedon_test path)
  get_filename_component(name ${path} NAME_WE)
  add_executable(${name} ${path})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_link_libraries(${name} PRIVATE ${ARGN} hedon_cmocka m)
  target_compile_definitions(${name} PRIVATE
    HEDON_SOURCE_DIR="${CMAKE_SOURCE_DIR}" HEDON_BINARY_DIR="${CMAKE_BINARY_DIR}"
    HEDON_MEDIA_DIR="${CMAKE_SOURCE_DIR}/../shared/media")
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT 600 SKIP_RETURN_CODE 77)
endfunction()
