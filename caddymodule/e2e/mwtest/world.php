<?php
/**
 * Fills a freshly installed wiki with a world: reads a JSON description from
 * the file named by the first argument and makes users, pages, revisions,
 * files, moves, deletions, protections and blocks, each at its own moment.
 * A maintenance script like those that the wiki ships; it changes no code.
 */
$ip = getenv( 'MW_INSTALL_PATH' ) ?: '/usr/share/mediawiki';
require_once "$ip/maintenance/Maintenance.php";

use MediaWiki\MediaWikiServices;
use Wikimedia\Timestamp\ConvertibleTimestamp;

class FillWorld extends Maintenance {
	public function __construct() {
		parent::__construct();
		$this->addArg( 'world', 'JSON file' );
	}

	private function user( string $name ): User {
		$u = User::newFromName( $name );
		if ( !$u || !$u->getId() ) {
			$this->fatalError( "no such user: $name" );
		}
		return $u;
	}

	private function title( string $text ): Title {
		$t = Title::newFromText( $text );
		if ( !$t ) {
			$this->fatalError( "bad title: $text" );
		}
		return $t;
	}

	public function execute() {
		$world = json_decode( file_get_contents( $this->getArg( 0 ) ), true, 64, JSON_THROW_ON_ERROR );
		$services = MediaWikiServices::getInstance();
		$clock = $world['clock'] ?? 0;
		if ( $clock ) {
			$this->antedate( $clock - 4 * 24 * 3600 );
		}
		foreach ( $world['users'] as $w ) {
			$u = User::newFromName( $w['name'] );
			$u->addToDatabase();
			$u->setRealName( $w['real_name'] );
			$u->setEmail( $w['email'] );
			$u->confirmEmail();
			$u->saveSettings();
			foreach ( $w['groups'] ?? [] as $g ) {
				$services->getUserGroupManager()->addUserToGroup( $u, $g );
			}
		}
		$byMoment = [];
		foreach ( $world['acts'] as $i => $a ) {
			$byMoment[] = [ $a['at'], $i, $a ];
		}
		sort( $byMoment );
		foreach ( $byMoment as [ $at, , $a ] ) {
			ConvertibleTimestamp::setFakeTime( (int)$at );
			$this->act( $a );
			DeferredUpdates::doUpdates();
		}
		ConvertibleTimestamp::setFakeTime( $clock ?: false );
		$this->output( count( $byMoment ) . " acts\n" );
	}

	/** Gives all that the installation made one moment, which becomes now. */
	private function antedate( int $at ): void {
		ConvertibleTimestamp::setFakeTime( $at );
		$dbw = wfGetDB( DB_PRIMARY );
		$stamp = $dbw->timestamp( $at );
		foreach ( [
			'revision' => [ 'rev_timestamp' ], 'page' => [ 'page_touched', 'page_links_updated' ], 'recentchanges' => [ 'rc_timestamp' ],
			'logging' => [ 'log_timestamp' ], 'user' => [ 'user_registration', 'user_touched' ],
		] as $table => $columns ) {
			$dbw->update( $table, array_fill_keys( $columns, $stamp ), '*', __METHOD__ );
		}
	}

	private function act( array $a ): void {
		$services = MediaWikiServices::getInstance();
		$user = $this->user( $a['user'] );
		$title = $this->title( $a['title'] );
		switch ( $a['act'] ) {
			case 'edit':
				$page = $services->getWikiPageFactory()->newFromTitle( $title );
				$up = $page->newPageUpdater( $user );
				$up->setContent( 'main', ContentHandler::makeContent( $a['text'], $title ) );
				$up->saveRevision( CommentStoreComment::newUnsavedComment( $a['summary'] ),
					( $a['minor'] ?? false ) ? EDIT_MINOR : 0 );
				if ( !$up->wasSuccessful() ) {
					$this->fatalError( "edit of {$a['title']}: " . $up->getStatus() );
				}
				break;
			case 'upload':
				$file = $services->getRepoGroup()->getLocalRepo()->newFile( $title );
				$st = $file->upload( $a['path'], $a['summary'], $a['text'], 0, false, false, $user );
				if ( !$st->isOK() ) {
					$this->fatalError( "upload of {$a['title']}: " . $st );
				}
				break;
			case 'move':
				$st = $services->getMovePageFactory()->newMovePage( $title, $this->title( $a['to'] ) )
					->move( $user, $a['summary'], $a['redirect'] ?? false );
				if ( !$st->isOK() ) {
					$this->fatalError( "move of {$a['title']}: " . $st );
				}
				break;
			case 'delete':
				$page = $services->getWikiPageFactory()->newFromTitle( $title );
				$st = $page->doDeleteArticleReal( $a['summary'], $user );
				if ( !$st->isOK() ) {
					$this->fatalError( "deletion of {$a['title']}: " . $st );
				}
				break;
			case 'protect':
				$page = $services->getWikiPageFactory()->newFromTitle( $title );
				$cascade = false;
				$st = $page->doUpdateRestrictions( [ 'edit' => 'sysop' ], [ 'edit' => 'infinity' ], $cascade, $a['summary'], $user );
				if ( !$st->isOK() ) {
					$this->fatalError( "protection of {$a['title']}: " . $st );
				}
				break;
			case 'block':
				$st = $services->getBlockUserFactory()
					->newBlockUser( substr( $a['title'], strlen( 'User:' ) ), $user, 'infinity', $a['summary'] )
					->placeBlockUnsafe();
				if ( !$st->isOK() ) {
					$this->fatalError( "block of {$a['title']}: " . $st );
				}
				break;
			case 'undelete':
				$page = $services->getWikiPageFactory()->newFromTitle( $title );
				$st = $services->getUndeletePageFactory()->newUndeletePage( $page, $user )->undeleteUnsafe( $a['summary'] );
				if ( !$st->isOK() ) {
					$this->fatalError( "undeletion of {$a['title']}: " . $st );
				}
				break;
			case 'rollback':
				$page = $services->getWikiPageFactory()->newFromTitle( $title );
				$st = $services->getRollbackPageFactory()->newRollbackPage( $page, $user, $this->user( $a['to'] ) )->rollback();
				if ( !$st->isOK() ) {
					$this->fatalError( "rollback of {$a['title']}: " . $st );
				}
				break;
			default:
				$this->fatalError( "unknown act {$a['act']}" );
		}
	}
}

$maintClass = FillWorld::class;
require_once RUN_MAINTENANCE_IF_MAIN;
