package textscan

import "strings"

// ordinary are words, by their hashes, that say nothing by themselves: a name
// made of nothing else is not distinctive.
var ordinary = func() map[uint64]bool {
	m := make(map[uint64]bool, 1024)
	for w := range strings.FieldsSeq(ordinaryWords) {
		var h hasher
		for _, c := range []byte(w) {
			h.add(c)
		}
		m[h.sum()] = true
	}
	return m
}()

const ordinaryWords = `
a about access account action actions activity add additional admin administration administrator after agenda all an and
announcement announcements answer answers any api application applications approval approvals april architecture archive
archived archives are area article articles as asset assets at attachment attachments audit august author authors
available back backlog backup basic be before best blog board book bug bugs build business by calendar can categories
category change changed changelog changes chapter chart checklist client clients code comment comments common communication
company comparison complete component components concept concepts configuration contact contacts content contents
contract contracts contribute contributions contributors copy create created current custom customer customers daily dashboard data
database date dates day days december decision decisions default definition delete demo department departments deployment
description design designs detail details development diagram differences directory discussion display document
documentation documents done download downloads draft drafts edit editing editor edits email employee employees end english
environment error errors event events every example examples export external faq feature features february feed feedback
file files filter final finance find first folder for form format forum friday from frequently front full function
functions future gallery general get getting glossary group groups guide guideline guidelines guides handbook has have
help hide history holiday holidays home homepage hours how html hub human i idea ideas image images import important in
index info information infrastructure install installation instructions integration interface internal international
internet interview introduction inventory is issue issues it item items its january job july june key knowledge label
labels language last latest law layout learning legal level library license link links linux list lists local log login
logs mail main maintenance manage management manager manual map march market marketing master may media meeting meetings
member members memo message messages method migration minutes mobile model module modules monday month monthly more my
name names network never new news next no none not note notes notice november number object objects october of off office
old on onboarding one online only open operation operations optional options or order orders organization other our out
overview own owner page pages parent part partner partners people performance permission permissions personal phase phone
picture pictures plan planning plans platform please point policies policy popular portal post posts practice practices
preferences preview previous print printable privacy private procedure procedures process processes product production
products profile program project projects properties property proposal public publish published purchase purpose quality
quarter quarterly question questions quick random read recent recently record redirect reference references
registration related release releases report reports request requests required requirement requirements research resource
resources responsible result results retrospective review reviews revision revisions risk risks roadmap role roles room
rules sales sample sandbox saturday save schedule schema scope screen script search section security see select
september server service services session set settings setup shared sharing show simple site sitemap solution solutions some
source space spaces special specification specifications sprint staff standard standards start started statistics status
step steps strategy structure style subject submit summary sunday support survey system systems tab table tables tag tags
talk task tasks team teams technical technology template templates terms test testing tests text that the thing things this thursday
time timeline title to todo tool tools top topic topics training translation troubleshooting tuesday tutorial tutorials type
under undo unit unknown up update updated updates upload uploads usage use used useful user users using value values version
versions view views vision visual wanted watch watched watchlist web website wednesday week weekly welcome what where which who
why wiki will window windows with work workflow working workshop workspace year yearly you your
`
