<?php
// Reads cases as JSON from stdin and asks WordPress' own functions for the base URL, after the lines of wp-config.php if there are any.
define('ABSPATH', $argv[1].'/');
define('WPINC', 'wp-includes');
require ABSPATH.WPINC.'/load.php';
require ABSPATH.WPINC.'/functions.php';

$answers = [];
foreach (json_decode(file_get_contents('php://stdin'), true) as $case) {
    $_SERVER = ['REMOTE_ADDR' => $case['peer'], 'SERVER_PORT' => (string) $case['port'], 'SERVER_NAME' => 'server.internal', 'REQUEST_URI' => '/index.php',
                'PHP_SELF' => '/index.php', 'SCRIPT_FILENAME' => ABSPATH.'index.php'];
    if ($case['scheme'] === 'https') { $_SERVER['HTTPS'] = 'on'; }
    foreach ($case['headers'] as $name => $value) { $_SERVER['HTTP_'.strtoupper(str_replace('-', '_', $name))] = $value; }
    eval($case['lines']);
    $answers[] = ['url' => wp_guess_url().'/', 'client' => $_SERVER['REMOTE_ADDR'], 'refused' => false];
}
echo json_encode($answers);
